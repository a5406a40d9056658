import { stridedCopy } from "../kernels/strided-copy.ts";
import { normalizeAxis, type Shape, stridesOf, Tensor } from "../tensor/index.ts";
import { ints, random } from "./case.ts";
import { defineOp } from "./define.ts";
import { pick } from "./indexing.ts";
import { type KnownInputs, knownIntegers, numbersOf, permuteNumbers, renameAxes } from "./known.ts";

/** The part of one axis that is kept: `size` elements from `start` on, `step` apart. */
interface Range {
  readonly start: number;
  readonly step: number;
  readonly size: number;
}

/** Larger than any axis: "to the end". */
const end = Number.MAX_SAFE_INTEGER;

/** What is kept of every axis. Negative positions count from the end; all are clamped. */
function rangesOf(
  dims: Shape,
  starts: readonly number[],
  ends: readonly number[],
  named: readonly number[] | undefined,
  namedSteps: readonly number[] | undefined,
): Range[] {
  const axes = named ?? starts.map((_, i) => i);
  const steps = namedSteps ?? starts.map(() => 1);
  const counts = { ends, axes, steps };
  for (const [name, list] of Object.entries(counts)) {
    if (list.length === starts.length) continue;
    throw new Error(`${name} has ${list.length} numbers, starts has ${starts.length}`);
  }
  const ranges: Range[] = dims.map((size) => ({ start: 0, step: 1, size }));
  const seen = new Set<number>();
  axes.forEach((name, i) => {
    const axis = normalizeAxis(name, dims.length);
    if (seen.has(axis)) throw new Error(`axis ${axis} is named twice`);
    seen.add(axis);
    if (steps[i] === 0) throw new Error(`the step along axis ${axis} is 0`);
    ranges[axis] = rangeOf(dims[axis]!, starts[i]!, ends[i]!, steps[i]!);
  });
  return ranges;
}

function rangeOf(size: number, start: number, stop: number, step: number): Range {
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const clamp = (v: number, least: number) => Math.min(Math.max(v < 0 ? v + size : v, least), high);
  const from = clamp(start, Math.max(low, 0));
  const to = clamp(stop, low);
  return { start: from, step, size: Math.max(0, Math.ceil((to - from) / step)) };
}

function knownRanges(node: KnownInputs): Range[] {
  return rangesOf(
    node.inputs[0]!.dims,
    knownIntegers(node, 1, "the starts")!,
    knownIntegers(node, 2, "the ends")!,
    knownIntegers(node, 3, "the axes"),
    knownIntegers(node, 4, "the steps"),
  );
}

export const slice = defineOp({
  name: "Slice",
  opsets: [1, 10, 11, 13],
  summary: "from `starts` to `ends` (exclusive) along `axes`, every `steps`-th element",
  attributes: {},
  inputs: [3, 5],
  infer(context) {
    const dims = knownRanges(context).map((range) => range.size);
    return [{ dtype: context.inputs[0]!.dtype, dims }];
  },
  reference([x, starts, ends, axes, steps], _attributes, [out]) {
    const ranges = rangesOf(
      x!.dims,
      numbersOf(starts)!,
      numbersOf(ends)!,
      numbersOf(axes),
      numbersOf(steps),
    );
    return [pick(x!, out!.dims, (at) => at.map((i, a) => ranges[a]!.start + i * ranges[a]!.step))];
  },
  kernels: [
    stridedCopy((problem) => {
      const ranges = knownRanges(problem);
      const strides = stridesOf(problem.inputs[0]!.dims);
      const from = {
        dims: problem.outputs[0]!.dims,
        strides: ranges.map((range, i) => range.step * strides[i]!),
        offset: ranges.reduce((sum, range, i) => sum + range.start * strides[i]!, 0),
      };
      return [{ input: 0, output: 0, from }];
    }),
  ],
  permuteAxes({ permutation, constants }) {
    const [, starts, ends, axes, steps] = constants;
    if (!starts || !ends) return undefined;
    if (axes) return { constants: new Map([[3, renameAxes(axes, permutation)]]) };
    // Without axes the first ones are meant: name all, so that they can be reordered.
    const every = (list: Tensor, rest: number) => {
      const numbers = list.toNumbers();
      const all = permutation.map((_, i) => numbers[i] ?? rest);
      return permuteNumbers(Tensor.from(list.dtype, all, [all.length]), permutation);
    };
    const changed = new Map([
      [1, every(starts, 0)],
      [2, every(ends, end)],
    ]);
    if (steps) changed.set(4, every(steps, 1));
    return { constants: changed };
  },
  traits: { acceptsEpilogue: true, layout: "axes" },
  cases: [
    {
      name: "ONNX example 1",
      inputs: [
        { dims: [2, 4], values: [1, 2, 3, 4, 5, 6, 7, 8] },
        ints(1, 0),
        ints(2, 3),
        ints(0, 1),
        ints(1, 2),
      ],
      expected: [[5, 7]],
    },
    {
      name: "ONNX example 2: clamped, without axes",
      inputs: [{ dims: [2, 4], values: [1, 2, 3, 4, 5, 6, 7, 8] }, ints(0, 1), ints(-1, 1000)],
      expected: [[2, 3, 4]],
    },
    {
      name: "backwards to the beginning",
      inputs: [
        { dims: [5], values: [1, 2, 3, 4, 5] },
        ints(2 ** 63),
        ints(-(2 ** 63)),
        ints(0),
        ints(-2),
      ],
      expected: [[5, 3, 1]],
    },
    {
      name: "backwards, stop from the end",
      inputs: [{ dims: [5], values: [1, 2, 3, 4, 5] }, ints(-1), ints(-4), ints(0), ints(-1)],
      expected: [[5, 4, 3]],
    },
    {
      name: "empty",
      inputs: [random([3, 4]), ints(2), ints(1), ints(1)],
      expected: [[]],
    },
    {
      name: "channels, aligned",
      inputs: [random([2, 3, 5, 16]), ints(4), ints(2 ** 63), ints(-1)],
    },
    { name: "spatial crop", inputs: [random([2, 3, 7, 9]), ints(1, 2), ints(-1, -2), ints(2, 3)] },
    {
      name: "every second pixel",
      inputs: [random([1, 8, 8, 4]), ints(1, 0), ints(8, 8), ints(1, 2), ints(2, 2)],
    },
    {
      name: "flip of aligned rows",
      inputs: [random([3, 5, 8]), ints(-1, -1), ints(-99, -99), ints(0, 1), ints(-1, -1)],
    },
  ],
});
