import { axisGather } from "../kernels/axis-gather.ts";
import type { Kernel } from "../kernels/kernel.ts";
import { normalizeAxis, type Shape, sizeOf } from "../tensor/index.ts";
import { int } from "./attributes.ts";
import { type CaseInput, random } from "./case.ts";
import { defineOp } from "./define.ts";
import { pick } from "./indexing.ts";
import { knownIntegers } from "./known.ts";

/** `index` counted from the front; throws a sentence outside [-size, size). */
function placeOf(index: number, size: number): number {
  if (index >= -size && index < size) return index < 0 ? index + size : index;
  throw new Error(`index ${index} is outside [-${size}, ${size})`);
}

const alongTables = axisGather((problem) => {
  const { dims } = problem.inputs[0]!;
  const axis = normalizeAxis(problem.attributes.axis as number, dims.length);
  const places = knownIntegers(problem, 1, "the indices")!.map((i) => placeOf(i, dims[axis]!));
  const table = { size: places.length, taps: 1, places };
  return { tables: dims.map((_, i) => (i === axis ? table : undefined)), fill: 0 };
});

const gatherKernel: Kernel = {
  ...alongTables,
  supports: (problem) =>
    problem.constants[1]
      ? alongTables.supports(problem)
      : "the indices (input 1) must be known before the run",
};

/** Constant indices. */
const indices = (dims: Shape, values: readonly number[]): CaseInput => ({
  dims,
  dtype: "int64",
  values,
  constant: true,
});

export const gather = defineOp({
  name: "Gather",
  opsets: [1, 11, 13],
  summary: "the slices along an axis that the indices of input 1 name",
  attributes: { axis: int(0) },
  inputs: [2, 2],
  infer(context) {
    const { dtype, dims } = context.inputs[0]!;
    const axis = normalizeAxis(context.attributes.axis, dims.length);
    if (context.constants[1]) {
      for (const i of knownIntegers(context, 1, "the indices")!) placeOf(i, dims[axis]!);
    }
    const shape = context.inputs[1]!.dims;
    return [{ dtype, dims: [...dims.slice(0, axis), ...shape, ...dims.slice(axis + 1)] }];
  },
  reference([x, index], attributes) {
    const axis = normalizeAxis(attributes.axis, x!.dims.length);
    const places = Array.from(index!.data, (i) => placeOf(i, x!.dims[axis]!));
    const flat = x!.dims.with(axis, sizeOf(index!.dims));
    return [pick(x!, flat, (at) => at.with(axis, places[at[axis]!]!))];
  },
  kernels: [gatherKernel],
  traits: { acceptsEpilogue: true },
  cases: [
    {
      name: "ONNX example: axis 0",
      inputs: [
        { dims: [3, 2], values: [1, 1.2, 2.3, 3.4, 4.5, 5.7] },
        indices([2, 2], [0, 1, 1, 2]),
      ],
      expected: [[1, 1.2, 2.3, 3.4, 2.3, 3.4, 4.5, 5.7]],
    },
    {
      name: "ONNX example: axis 1",
      inputs: [
        { dims: [3, 3], values: [1, 1.2, 1.9, 2.3, 3.4, 3.9, 4.5, 5.7, 5.9] },
        indices([1, 2], [0, 2]),
      ],
      attributes: { axis: 1 },
      expected: [[1, 1.9, 2.3, 3.9, 4.5, 5.9]],
    },
    { name: "a scalar index from the end", inputs: [random([4, 6]), indices([], [-1])] },
    {
      name: "aligned rows",
      inputs: [random([5, 3, 8]), indices([4], [2, 0, -2, 0])],
      attributes: { axis: 1 },
    },
    {
      name: "innermost",
      inputs: [random([2, 3, 5]), indices([2, 3], [4, 0, 1, -1, 2, 2])],
      attributes: { axis: -1 },
    },
  ],
});
