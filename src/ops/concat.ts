import type { TensorType } from "../graph/index.ts";
import type { PlacedType, Problem } from "../kernels/kernel.ts";
import { placesAlong, stridesAt } from "../kernels/place.ts";
import { type Copy, stridedCopy } from "../kernels/strided-copy.ts";
import { formatShape, normalizeAxis, sizeOf, stridesOf } from "../tensor/index.ts";
import { int } from "./attributes.ts";
import { random } from "./case.ts";
import { defineOp, type Ndarray } from "./define.ts";
import { checkedDims, renameAxis } from "./known.ts";

function checkInput(input: TensorType, index: number, first: TensorType, axis: number): void {
  if (input.dtype !== first.dtype) {
    throw new Error(`input ${index} is ${input.dtype}, input 0 is ${first.dtype}`);
  }
  if (input.dims.length !== first.dims.length) {
    const [a, b] = [formatShape(input.dims), formatShape(first.dims)];
    throw new Error(`input ${index} is ${a}, input 0 is ${b}: they need equally many axes`);
  }
  const other = input.dims.findIndex((d, i) => i !== axis && d !== first.dims[i]);
  if (other < 0) return;
  const [a, b] = [input.dims[other], first.dims[other]];
  throw new Error(`input ${index} has ${a} along axis ${other}, input 0 has ${b}`);
}

/** One copy for each input that does not lie in the output already. */
function copiesOf({ inputs, outputs, attributes, inPlace }: Problem): Copy[] {
  const [{ dims: all, place: whole }] = outputs as readonly [PlacedType];
  const axis = normalizeAxis(attributes.axis as number, all.length);
  const strides = stridesAt(whole, stridesOf(all));
  const starts = placesAlong(
    axis,
    inputs.map((type) => type!.dims),
  ).map((place) => place.first);
  return inputs.flatMap((type, input) => {
    if (inPlace?.has(input)) return [];
    const { dims, place } = type!;
    const from = {
      dims,
      strides: stridesAt(place, stridesOf(dims)),
      offset: place?.first ?? 0,
    };
    const to = { dims, strides, offset: starts[input]! + (whole?.first ?? 0) };
    return [{ input, output: 0, from, to }];
  });
}

export const concat = defineOp({
  name: "Concat",
  opsets: [1, 4, 11, 13],
  summary: "the inputs one behind the other along an axis",
  attributes: { axis: int() },
  inputs: [1, Number.POSITIVE_INFINITY],
  infer({ inputs, attributes }) {
    const missing = inputs.indexOf(undefined);
    if (missing >= 0) throw new Error(`input ${missing} is missing`);
    const types = inputs as readonly TensorType[];
    const { dtype, dims } = types[0]!;
    const axis = normalizeAxis(attributes.axis, dims.length);
    types.forEach((type, i) => {
      checkInput(type, i, types[0]!, axis);
    });
    const size = types.reduce((sum, type) => sum + type.dims[axis]!, 0);
    return [{ dtype, dims: checkedDims(dims.with(axis, size)) }];
  },
  reference(inputs, attributes, [out]) {
    const arrays = inputs as readonly Ndarray[];
    const axis = normalizeAxis(attributes.axis, out!.dims.length);
    const rows = sizeOf(out!.dims.slice(0, axis));
    const result = new Float64Array(sizeOf(out!.dims));
    let at = 0;
    for (let row = 0; row < rows; row++) {
      for (const { dims, data } of arrays) {
        const length = sizeOf(dims.slice(axis));
        result.set(data.subarray(row * length, (row + 1) * length), at);
        at += length;
      }
    }
    return [result];
  },
  kernels: [{ ...stridedCopy(copiesOf), placed: { output: true, inputs: "all" } }],
  permuteAxes: ({ permutation, attributes }) => ({
    attributes: { axis: renameAxis(attributes.axis, permutation) },
  }),
  traits: { layout: "axes", isJoin: true },
  cases: [
    {
      name: "rows",
      inputs: [
        { dims: [2, 2], values: [1, 2, 3, 4] },
        { dims: [1, 2], values: [5, 6] },
      ],
      attributes: { axis: 0 },
      expected: [[1, 2, 3, 4, 5, 6]],
    },
    {
      name: "columns",
      inputs: [
        { dims: [2, 2], values: [1, 2, 3, 4] },
        { dims: [2, 1], values: [5, 6] },
      ],
      attributes: { axis: -1 },
      expected: [[1, 2, 5, 3, 4, 6]],
    },
    {
      name: "channels last, aligned and not",
      inputs: [random([2, 3, 3, 8]), random([2, 3, 3, 4]), random([2, 3, 3, 3])],
      attributes: { axis: 3 },
    },
    {
      name: "channels last, all aligned",
      inputs: [random([1, 3, 3, 8]), random([1, 3, 3, 4])],
      attributes: { axis: 3 },
    },
    {
      name: "channels first, odd",
      inputs: [random([2, 3, 3, 5]), random([2, 1, 3, 5])],
      attributes: { axis: 1 },
    },
    { name: "one input", inputs: [random([3, 4])], attributes: { axis: 0 } },
    {
      name: "an empty input",
      inputs: [random([2, 0]), random([2, 3])],
      attributes: { axis: 1 },
    },
  ],
});
