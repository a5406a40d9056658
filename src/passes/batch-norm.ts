import type { Node } from "../graph/index.ts";
import { opOf, parseAttributes } from "../ops/evaluate.ts";
import { sizeOf, Tensor } from "../tensor/index.ts";
import { type Affine, affineOf } from "./affine.ts";
import { derived } from "./derived.ts";
import type { Rule, Surroundings } from "./rewrite.ts";

/**
 * A scale and shift per channel (BatchNormalization, Mul, Add ...) behind a Conv, ConvTranspose or
 * Gemm with constant weights moves into its weights and bias.
 */
export const foldIntoWeights: Rule = (node, around) => {
  const affine = affineOf(node, around);
  if (!affine) return undefined;
  const producer = around.soleProducerOf(affine.x);
  if (!producer || producer.epilogue || producer.outputs.length !== 1) return undefined;
  const target = channelsOf(producer, around);
  const weights = around.constantOf(producer.inputs[1] ?? "");
  if (!target || !weights || target.count !== affine.scale.length) return undefined;
  const bias = biasOf(producer, target, around);
  if (!bias) return undefined;
  const scaled = scaleWeights(weights, target, affine);
  const shifted = bias.map((v, k) => v * affine.scale[k]! + affine.shift[k]!);
  const name = producer.name;
  return [
    {
      ...producer,
      inputs: [
        producer.inputs[0]!,
        around.addConstant(`${name}:weights`, scaled),
        around.addConstant(`${name}:bias`, Tensor.from(weights.dtype, shifted, [target.count])),
      ],
      outputs: node.outputs,
      attributes: { ...producer.attributes, ...(producer.op === "Gemm" && { beta: 1 }) },
    },
  ];
};

/**
 * A BatchNormalization that found no weights to move into becomes a Mul and an Add, which fuse
 * with their neighbours.
 */
export const splitBatchNormalization: Rule = (node, around) => {
  if (node.op !== "BatchNormalization") return undefined;
  const affine = affineOf(node, around);
  if (!affine) return undefined;
  const { dtype, dims } = around.typeOf(node.outputs[0]!);
  const shape = [affine.scale.length, ...dims.slice(2).map(() => 1)];
  const constant = (suffix: string, values: Float64Array) =>
    around.addConstant(`${node.name}:${suffix}`, Tensor.from(dtype, values, shape));
  const scaled = around.addValue(`${node.outputs[0]}:scaled`, { dtype, dims });
  return [
    {
      name: `${node.name}:scale`,
      op: "Mul",
      inputs: [affine.x, constant("scale", affine.scale)],
      outputs: [scaled],
      attributes: {},
    },
    {
      name: node.name,
      op: "Add",
      inputs: [scaled, constant("shift", affine.shift)],
      outputs: node.outputs,
      attributes: {},
    },
  ];
};

/** Where a weight tensor holds its output channels: in runs of equal length, one channel each. */
interface Channels {
  readonly count: number;
  readonly runLength: number;
  readonly channelOfRun: (run: number) => number;
  /** What the bias is multiplied by before it is added. */
  readonly biasScale: number;
}

function channelsOf(node: Node, around: Surroundings): Channels | undefined {
  const dims = around.typeOf(node.inputs[1] ?? "")?.dims;
  if (!dims) return undefined;
  const attributes = parseAttributes(opOf(node), node.attributes, node.name);
  if (attributes.layout === "NHWC") return undefined;
  switch (node.op) {
    case "Conv": {
      const runLength = sizeOf(dims.slice(1));
      return { count: dims[0]!, runLength, channelOfRun: (run) => run, biasScale: 1 };
    }
    case "ConvTranspose": {
      const group = attributes.group as number;
      const [inputs, perGroup] = dims as readonly [number, number];
      const channelOfRun = (run: number) => {
        const c = Math.floor(run / perGroup);
        return Math.floor(c / (inputs / group)) * perGroup + (run % perGroup);
      };
      return {
        count: perGroup * group,
        runLength: sizeOf(dims.slice(2)),
        channelOfRun,
        biasScale: 1,
      };
    }
    case "Gemm": {
      const [rows, columns] = dims as readonly [number, number];
      const biasScale = attributes.beta as number;
      return attributes.transB
        ? { count: rows, runLength: columns, channelOfRun: (run) => run, biasScale }
        : { count: columns, runLength: 1, channelOfRun: (run) => run % columns, biasScale };
    }
    default:
      return undefined;
  }
}

/** The bias per output channel, zeros where there is none; undefined where it is not constant. */
function biasOf(node: Node, target: Channels, around: Surroundings): Float64Array | undefined {
  const name = node.inputs[2];
  if (!name) return new Float64Array(target.count);
  const bias = around.constantOf(name);
  if (!bias) return undefined;
  const numbers = bias.toNumbers().map((v) => v * target.biasScale);
  if (bias.size === 1) return new Float64Array(target.count).fill(numbers[0]!);
  const isRow = bias.size === target.count && bias.dims.at(-1) === target.count;
  return isRow ? numbers : undefined;
}

function scaleWeights(weights: Tensor, target: Channels, { scale }: Affine): Tensor {
  return derived(weights, `scaled ${scale.join()}`, () => {
    const { dtype, data } = weights;
    // The usual case in place: the way through float64 takes five times as long.
    const scaled = dtype === "float32" ? (data as Float32Array).slice() : weights.toNumbers();
    const { runLength, channelOfRun } = target;
    for (let run = 0, i = 0; i < scaled.length; run++) {
      const factor = scale[channelOfRun(run)]!;
      for (const end = i + runLength; i < end; i++) scaled[i]! *= factor;
    }
    return scaled instanceof Float32Array ? scaled : Tensor.from(dtype, scaled, weights.dims).data;
  });
}
