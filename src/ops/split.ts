import { stridedCopy } from "../kernels/strided-copy.ts";
import { normalizeAxis, stridesOf } from "../tensor/index.ts";
import { int, optional } from "./attributes.ts";
import { ints, random } from "./case.ts";
import { defineOp, type InferContext } from "./define.ts";
import { pick } from "./indexing.ts";
import { knownIntegers, renameAxis } from "./known.ts";

type Attributes = { readonly axis: number; readonly num_outputs: number | null };

/** The size of each part along the axis. */
function partsOf(context: InferContext<Attributes>, size: number): number[] {
  const { outputCount: count, attributes } = context;
  const named = knownIntegers(context, 1, "the sizes");
  if (named) {
    const sum = named.reduce((a, b) => a + b, 0);
    if (named.length !== count) throw new Error(`${named.length} sizes for ${count} outputs`);
    if (sum === size && named.every((part) => part >= 0)) return named;
    throw new Error(`the parts ${named.join(" + ")} are ${sum} together, the axis has ${size}`);
  }
  const { num_outputs } = attributes;
  if (num_outputs !== null && num_outputs !== count) {
    throw new Error(`num_outputs is ${num_outputs}, the node has ${count} outputs`);
  }
  const part = Math.ceil(size / count);
  const last = size - part * (count - 1);
  if (last < 0) throw new Error(`an axis of ${size} cannot make ${count} parts of ${part}`);
  return Array.from({ length: count }, (_, i) => (i < count - 1 ? part : last));
}

/** Where each part begins along the axis. */
function beginnings(parts: readonly { readonly dims: readonly number[] }[], axis: number) {
  let sum = 0;
  return parts.map(({ dims }) => {
    sum += dims[axis]!;
    return sum - dims[axis]!;
  });
}

export const split = defineOp({
  name: "Split",
  opsets: [1, 2, 11, 13, 18],
  summary: "parts along an axis: of the sizes of input 1, or equal with a smaller last one",
  attributes: { axis: int(0), num_outputs: optional(int()) },
  inputs: [1, 2],
  outputs: [1, Number.POSITIVE_INFINITY],
  infer(context) {
    const { dtype, dims } = context.inputs[0]!;
    const axis = normalizeAxis(context.attributes.axis, dims.length);
    return partsOf(context, dims[axis]!).map((part) => ({ dtype, dims: dims.with(axis, part) }));
  },
  reference([x], attributes, outputs) {
    const axis = normalizeAxis(attributes.axis, x!.dims.length);
    const begin = beginnings(outputs, axis);
    return outputs.map(({ dims }, part) =>
      pick(x!, dims, (at) => at.map((i, a) => (a === axis ? i + begin[part]! : i))),
    );
  },
  kernels: [
    stridedCopy(({ inputs, outputs, attributes }) => {
      const strides = stridesOf(inputs[0]!.dims);
      const axis = normalizeAxis(attributes.axis as number, strides.length);
      return beginnings(outputs, axis).map((begin, output) => {
        const from = { dims: outputs[output]!.dims, strides, offset: begin * strides[axis]! };
        return { input: 0, output, from };
      });
    }),
  ],
  permuteAxes: ({ permutation, attributes }) => ({
    attributes: { axis: renameAxis(attributes.axis, permutation) },
  }),
  traits: { layout: "axes" },
  cases: [
    {
      name: "equal",
      inputs: [{ dims: [6], values: [1, 2, 3, 4, 5, 6] }],
      outputCount: 3,
      expected: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    },
    {
      name: "ONNX example: uneven",
      inputs: [{ dims: [7], values: [1, 2, 3, 4, 5, 6, 7] }],
      attributes: { num_outputs: 4 },
      outputCount: 4,
      expected: [[1, 2], [3, 4], [5, 6], [7]],
    },
    {
      name: "ONNX example: sizes along axis 1",
      inputs: [{ dims: [2, 6], values: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] }, ints(2, 4)],
      attributes: { axis: 1 },
      outputCount: 2,
      expected: [
        [1, 2, 7, 8],
        [3, 4, 5, 6, 9, 10, 11, 12],
      ],
    },
    {
      name: "channels, aligned",
      inputs: [random([1, 3, 3, 16])],
      attributes: { axis: -1 },
      outputCount: 2,
    },
    {
      name: "an empty part",
      inputs: [random([2, 5, 3]), ints(2, 0, 3)],
      attributes: { axis: 1 },
      outputCount: 3,
    },
  ],
});
