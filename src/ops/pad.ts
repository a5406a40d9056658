import { type AxisGather, type AxisTable, axisGather, outside } from "../kernels/axis-gather.ts";
import { normalizeAxis, type Shape } from "../tensor/index.ts";
import { oneOf } from "./attributes.ts";
import { type CaseInput, ints, random } from "./case.ts";
import { defineOp } from "./define.ts";
import { pick } from "./indexing.ts";
import {
  checkedDims,
  type KnownInputs,
  knownIntegers,
  knownNumbers,
  numbersOf,
  permuteNumbers,
  renameAxes,
} from "./known.ts";

type Mode = "constant" | "reflect" | "edge" | "wrap";

/** One axis's padding; a negative pad crops. */
interface Padding {
  readonly begin: number;
  readonly end: number;
}

function paddingsOf(
  dims: Shape,
  pads: readonly number[],
  named: readonly number[] | undefined,
): Padding[] {
  const axes = (named ?? dims.map((_, i) => i)).map((axis) => normalizeAxis(axis, dims.length));
  if (pads.length !== 2 * axes.length) {
    throw new Error(`pads has ${pads.length} numbers, ${axes.length} axes need ${2 * axes.length}`);
  }
  if (new Set(axes).size < axes.length) throw new Error(`the axes ${axes} name one twice`);
  const paddings: Padding[] = dims.map(() => ({ begin: 0, end: 0 }));
  axes.forEach((axis, i) => {
    paddings[axis] = { begin: pads[i]!, end: pads[i + axes.length]! };
  });
  return paddings;
}

/**
 * The place on an axis of `size` that element `at` of the padded axis shows. What is cropped is
 * gone before the rest is reflected or repeated.
 */
function placeOf(at: number, size: number, { begin, end }: Padding, mode: Mode): number {
  const low = Math.max(0, -begin);
  const kept = size - low - Math.max(0, -end);
  const i = at - Math.max(0, begin);
  if (i >= 0 && i < kept) return low + i;
  if (mode === "constant") return outside;
  if (mode === "edge") return low + (i < 0 ? 0 : kept - 1);
  if (mode === "wrap") return low + modulo(i, kept);
  const period = Math.max(1, 2 * (kept - 1));
  const there = modulo(i, period);
  return low + Math.min(there, period - there);
}

const modulo = (i: number, n: number) => ((i % n) + n) % n;

function checkPadding(size: number, axis: number, { begin, end }: Padding, mode: Mode): void {
  const kept = size + Math.min(0, begin) + Math.min(0, end);
  if (kept < 0) {
    throw new Error(`pads crop ${size - kept} elements of axis ${axis}, which has ${size}`);
  }
  if (kept === 0 && (begin > 0 || end > 0) && mode !== "constant") {
    throw new Error(`axis ${axis} has no element for mode "${mode}" to repeat`);
  }
}

function knownPaddings(node: KnownInputs): Padding[] {
  const pads = knownIntegers(node, 1, "the pads")!;
  return paddingsOf(node.inputs[0]!.dims, pads, knownIntegers(node, 3, "the axes"));
}

function gatherOf(node: KnownInputs, outDims: Shape, mode: Mode): AxisGather {
  const { dims } = node.inputs[0]!;
  const tables = knownPaddings(node).map((padding, axis): AxisTable | undefined => {
    if (padding.begin === 0 && padding.end === 0) return undefined;
    const size = outDims[axis]!;
    const places = Array.from({ length: size }, (_, i) => placeOf(i, dims[axis]!, padding, mode));
    return { size, taps: 1, places };
  });
  return { tables, fill: knownNumbers(node, 2, "the pad value")?.[0] ?? 0 };
}

/** A constant scalar. */
const value = (v: number): CaseInput => ({ dims: [], values: [v], constant: true });

const row: CaseInput = { dims: [1, 4], values: [1, 2, 3, 4] };

export const pad = defineOp({
  name: "Pad",
  opsets: [1, 2, 11, 13, 18, 19, 21, 23],
  summary:
    "elements added around the input (or cropped): a value, its mirror image, edge or repetition",
  attributes: { mode: oneOf("constant", "reflect", "edge", "wrap") },
  inputs: [2, 4],
  infer(context) {
    const { dtype, dims } = context.inputs[0]!;
    const { mode } = context.attributes;
    knownNumbers(context, 2, "the pad value");
    const paddings = knownPaddings(context);
    const sizes = dims.map((size, axis) => {
      const padding = paddings[axis]!;
      checkPadding(size, axis, padding, mode);
      return size + padding.begin + padding.end;
    });
    return [{ dtype, dims: checkedDims(sizes) }];
  },
  reference([x, pads, fill, axes], { mode }, [out]) {
    const { dims } = x!;
    const paddings = paddingsOf(dims, numbersOf(pads)!, numbersOf(axes));
    const source = (at: readonly number[]) => {
      const places = at.map((i, axis) => placeOf(i, dims[axis]!, paddings[axis]!, mode));
      return places.includes(outside) ? undefined : places;
    };
    return [pick(x!, out!.dims, source, fill?.data[0])];
  },
  kernels: [
    axisGather((problem) =>
      gatherOf(problem, problem.outputs[0]!.dims, problem.attributes.mode as Mode),
    ),
  ],
  permuteAxes({ permutation, constants }) {
    const [, pads, , axes] = constants;
    if (axes) return { constants: new Map([[3, renameAxes(axes, permutation)]]) };
    if (!pads) return undefined;
    const both = [...permutation, ...permutation.map((axis) => axis + permutation.length)];
    return { constants: new Map([[1, permuteNumbers(pads, both)]]) };
  },
  traits: { acceptsEpilogue: true, layout: "axes" },
  cases: [
    {
      name: "ONNX example: constant",
      inputs: [{ dims: [3, 2], values: [1, 1.2, 2.3, 3.4, 4.5, 5.7] }, ints(0, 2, 0, 0), value(0)],
      expected: [[0, 0, 1, 1.2, 0, 0, 2.3, 3.4, 0, 0, 4.5, 5.7]],
    },
    {
      name: "ONNX example: reflect",
      inputs: [{ dims: [3, 2], values: [1, 2, 3, 4, 5, 6] }, ints(0, 1, 0, 0)],
      attributes: { mode: "reflect" },
      expected: [[2, 1, 2, 4, 3, 4, 6, 5, 6]],
    },
    {
      name: "reflect further than the axis",
      inputs: [row, ints(0, 5, 0, 0)],
      attributes: { mode: "reflect" },
      expected: [[2, 3, 4, 3, 2, 1, 2, 3, 4]],
    },
    {
      name: "edge",
      inputs: [row, ints(0, 2, 0, 1)],
      attributes: { mode: "edge" },
      expected: [[1, 1, 1, 2, 3, 4, 4]],
    },
    {
      name: "wrap",
      inputs: [row, ints(0, 2, 0, 1)],
      attributes: { mode: "wrap" },
      expected: [[3, 4, 1, 2, 3, 4, 1]],
    },
    {
      name: "crop before reflecting",
      inputs: [row, ints(0, -1, 0, 2)],
      attributes: { mode: "reflect" },
      expected: [[2, 3, 4, 3, 2]],
    },
    {
      name: "named axis, value",
      inputs: [row, ints(1, 1), value(-7), ints(-1)],
      expected: [[-7, 1, 2, 3, 4, -7]],
    },
    {
      name: "minus infinity around a picture",
      inputs: [random([2, 3, 4, 5]), ints(0, 0, 1, 2, 0, 0, 3, 0), value(-Infinity)],
    },
    {
      name: "channels last, aligned",
      inputs: [random([2, 5, 3, 8]), ints(2, 1, 1, 2), undefined, ints(1, 2)],
      attributes: { mode: "reflect" },
    },
    { name: "no padding", inputs: [random([3, 4]), ints(0, 0, 0, 0)] },
  ],
});
