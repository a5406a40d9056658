import type { TensorType } from "../graph/index.ts";
import { formatShape, normalizeAxis, type Shape, sizeOf } from "../tensor/index.ts";
import { int } from "./attributes.ts";
import { ints, type OpCase, random } from "./case.ts";
import { type AttributeSpecs, type AttributesOf, defineOp, type Op } from "./define.ts";
import { type KnownInputs, knownIntegers } from "./known.ts";

interface View<S extends AttributeSpecs> {
  readonly name: string;
  readonly opsets: readonly number[];
  readonly summary: string;
  readonly attributes: S;
  readonly inputs: readonly [number, number];
  readonly shape: (dims: Shape, attributes: AttributesOf<S>, known: KnownInputs) => number[];
  readonly cases: readonly OpCase[];
}

/** An operator whose output is its input's memory under another shape. */
function defineView<const S extends AttributeSpecs>(view: View<S>): Op {
  return defineOp({
    name: view.name,
    opsets: view.opsets,
    summary: view.summary,
    attributes: view.attributes,
    inputs: view.inputs,
    infer(context): TensorType[] {
      const { dtype, dims } = context.inputs[0]!;
      return [{ dtype, dims: view.shape(dims, context.attributes, context) }];
    },
    reference: ([x]) => [x!.data.slice()],
    kernels: [],
    traits: { isView: true },
    cases: view.cases,
  });
}

export const reshape = defineView({
  name: "Reshape",
  opsets: [1, 5, 13, 14, 19, 21, 23],
  summary: "the same elements under the shape of input 1; 0 keeps a size, -1 is worked out",
  attributes: { allowzero: int(0) },
  inputs: [2, 2],
  shape(dims, { allowzero }, known) {
    const wanted = knownIntegers(known, 1, "the shape")!.map((d, i) => {
      if (d !== 0 || allowzero) return d;
      if (i < dims.length) return dims[i]!;
      throw new Error(
        `shape entry ${i} is 0 (keep the size), but the input has ${dims.length} axes`,
      );
    });
    const negative = wanted.filter((d) => d < 0);
    if (negative.length > 1 || (negative[0] ?? -1) !== -1) {
      throw new Error(
        `the shape ${formatShape(wanted)} may hold one -1 and no other negative size`,
      );
    }
    const rest = sizeOf(wanted.filter((d) => d >= 0));
    const shape = wanted.map((d) => (d < 0 ? (rest === 0 ? 0 : sizeOf(dims) / rest) : d));
    if (shape.every(Number.isInteger) && sizeOf(shape) === sizeOf(dims)) return shape;
    throw new Error(
      `the input ${formatShape(dims)} has ${sizeOf(dims)} elements, the shape ` +
        `${formatShape(wanted)} asks for ${negative.length > 0 ? "a multiple of " : ""}${rest}`,
    );
  },
  cases: [
    {
      name: "keeps and works out",
      inputs: [{ dims: [2, 1, 3], values: [1, 2, 3, 4, 5, 6] }, ints(0, -1)],
      expected: [[1, 2, 3, 4, 5, 6]],
    },
    { name: "to four axes", inputs: [random([6, 4]), ints(2, 3, -1, 1)] },
    { name: "to a scalar", inputs: [random([1, 1]), ints()] },
    {
      name: "zero is a size",
      inputs: [random([0, 3, 4]), ints(3, 4, 0)],
      attributes: { allowzero: 1 },
    },
  ],
});

export const flatten = defineView({
  name: "Flatten",
  opsets: [1, 9, 11, 13, 21, 23],
  summary: "two axes: the product of those before `axis` and the product of the others",
  attributes: { axis: int(1) },
  inputs: [1, 1],
  shape(dims, { axis }) {
    const at = axis === dims.length ? axis : normalizeAxis(axis, dims.length);
    return [sizeOf(dims.slice(0, at)), sizeOf(dims.slice(at))];
  },
  cases: [
    { name: "default", inputs: [random([2, 3, 4])] },
    { name: "before all axes", inputs: [random([2, 3])], attributes: { axis: 0 } },
    { name: "behind all axes", inputs: [random([2, 3])], attributes: { axis: 2 } },
    {
      name: "counted from the end",
      inputs: [{ dims: [2, 1, 2], values: [1, 2, 3, 4] }],
      attributes: { axis: -1 },
      expected: [[1, 2, 3, 4]],
    },
  ],
});

export const squeeze = defineView({
  name: "Squeeze",
  opsets: [1, 11, 13, 21, 23],
  summary: "drops axes of size 1: those that input 1 names, or all",
  attributes: {},
  inputs: [1, 2],
  shape(dims, _attributes, known) {
    const named = knownIntegers(known, 1, "the axes");
    const axes = named?.map((axis) => normalizeAxis(axis, dims.length));
    const long = axes?.find((axis) => dims[axis] !== 1);
    if (long !== undefined) throw new Error(`axis ${long} has size ${dims[long]}, only 1 can go`);
    return dims.filter((d, i) => (axes ? !axes.includes(i) : d !== 1));
  },
  cases: [
    { name: "all", inputs: [{ dims: [1, 2, 1], values: [1, 2] }], expected: [[1, 2]] },
    { name: "named", inputs: [random([1, 3, 1, 5]), ints(0)] },
    { name: "counted from the end", inputs: [random([1, 3, 1, 5]), ints(-2)] },
  ],
});

export const unsqueeze = defineView({
  name: "Unsqueeze",
  opsets: [1, 11, 13, 21, 23],
  summary: "adds axes of size 1, at the places that input 1 names in the output",
  attributes: {},
  inputs: [2, 2],
  shape(dims, _attributes, known) {
    const named = knownIntegers(known, 1, "the axes")!;
    const rank = dims.length + named.length;
    const axes = new Set(named.map((axis) => normalizeAxis(axis, rank)));
    if (axes.size < named.length) throw new Error(`the axes ${named.join(", ")} name one twice`);
    const rest = [...dims];
    return Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : rest.shift()!));
  },
  cases: [
    { name: "first", inputs: [{ dims: [2], values: [1, 2] }, ints(0)], expected: [[1, 2]] },
    { name: "several, unsorted", inputs: [random([3, 4]), ints(2, 0, -1)] },
  ],
});
