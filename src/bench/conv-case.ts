import type { Node, TensorType } from "../graph/index.ts";
import type { Problem } from "../kernels/kernel.ts";
import { conv } from "../ops/conv.ts";
import type { Elements } from "../ops/define.ts";
import { inferNode, problemOf } from "../ops/evaluate.ts";
import { bytesPerElement, newArray, sizeOf, Tensor } from "../tensor/index.ts";
import { type ConvLayer, flopOfLayer, paddingOf } from "./conv-layer.ts";
import { normalTensor, seededNumbers } from "./random.ts";
import { relativeError } from "./relative-error.ts";

export type FloatType = "float32" | "float16";

/** A convolution with bias and seeded numbers, channels last, as the engine runs it. */
export interface ConvCase {
  readonly layer: ConvLayer;
  readonly batch: number;
  readonly inputs: readonly [x: Tensor, weights: Tensor, bias: Tensor];
  readonly outputs: readonly TensorType[];
  readonly problem: Problem;
  readonly flop: number;
  /** Bytes read and written if each is moved once. */
  readonly bytes: number;
}

/** Fills a layer with numbers; outputs are about as large as inputs, so that float16 holds them. */
export function convCase(
  layer: ConvLayer,
  batch: number,
  dtype: FloatType,
  biasDeviation = 1,
): ConvCase {
  const { C, H, W, K, R, S, G } = layer;
  const x = normalTensor(dtype, [batch, H, W, C], 1);
  const deviation = 1 / Math.sqrt((C / G) * R * S);
  const weights = normalTensor(dtype, [K, C / G, R, S], 2, deviation);
  const bias = normalTensor(dtype, [K], 3, biasDeviation);
  const inputs = [x, weights, bias] as const;
  const { h, w } = paddingOf(layer);
  const node: Node = {
    name: "conv",
    op: "Conv",
    inputs: ["x", "weights", "bias"],
    outputs: ["y"],
    attributes: {
      layout: "NHWC",
      group: G,
      pads: [h, w, h, w],
      strides: [layer.stride, layer.stride],
      dilations: [layer.dilation, layer.dilation],
    },
  };
  const outputs = inferNode(node, inputs, [undefined, weights, bias]);
  const types = new Map<string, TensorType>([["y", outputs[0]!]]);
  for (const [i, name] of node.inputs.entries()) types.set(name, inputs[i]!);
  const constants = new Map([
    ["weights", weights],
    ["bias", bias],
  ]);
  const problem = problemOf(
    node,
    (name) => types.get(name)!,
    (name) => constants.get(name),
  );
  const elements = [...inputs, ...outputs].reduce((sum, { dims }) => sum + sizeOf(dims), 0);
  const bytes = elements * bytesPerElement(dtype);
  return { layer, batch, inputs, outputs, problem, flop: batch * flopOfLayer(layer), bytes };
}

/** How a convolution's result compares with the reference in float64. */
export interface ConvCheck {
  /** ||a - b|| / ||b|| over the elements that were compared. */
  readonly relativeL2: number;
  readonly elements: number;
  readonly elementsTotal: number;
}

/** Operations that the reference may do: they take about half a second. */
const referenceFlopMax = 3e7;

/** Elements that are compared at least, however long each takes. */
const elementsMin = 64;

/**
 * Compares a result with the operator's reference in float64: all of it where that takes half a
 * second at most, otherwise the first, the last, and elements that a seed draws.
 */
export function checkConv({ inputs, outputs, problem, flop }: ConvCase, actual: Tensor): ConvCheck {
  const elementsTotal = actual.size;
  const affordable = Math.floor((referenceFlopMax * elementsTotal) / flop);
  const elements = Math.min(elementsTotal, Math.max(elementsMin, affordable));
  const indices = chosenElements(elementsTotal, elements);
  const expected = conv.referenceAt!(
    inputs.map(numbersOf),
    problem.attributes as Parameters<NonNullable<typeof conv.referenceAt>>[1],
    outputs,
    indices,
  );
  const { dtype } = actual;
  const picked = newArray(dtype, elements) as Float32Array;
  indices.forEach((at, i) => {
    picked[i] = actual.data[at] as number;
  });
  const dims = [elements];
  const reference = Tensor.from("float64", expected, dims);
  return {
    relativeL2: relativeError(new Tensor(dtype, picked, dims), reference),
    elements,
    elementsTotal,
  };
}

function numbersOf(tensor: Tensor): Elements {
  const { dims, data } = tensor;
  return { dims, data: data instanceof Float32Array ? data : tensor.toNumbers() };
}

/** Indices in ascending order, each once; the first and the last element are always there. */
function chosenElements(total: number, count: number): Uint32Array {
  if (count === total) return Uint32Array.from({ length: total }, (_, i) => i);
  const chosen = new Set([0, total - 1]);
  const next = seededNumbers(1);
  while (chosen.size < count) chosen.add(Math.floor(next() * total));
  return Uint32Array.from(chosen).sort();
}
