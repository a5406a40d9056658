import { stridedCopy } from "../kernels/strided-copy.ts";
import { broadcast, broadcastStrides, formatShape, stridesOf } from "../tensor/index.ts";
import { ints, random } from "./case.ts";
import { defineOp } from "./define.ts";
import { pick } from "./indexing.ts";
import { checkedDims, knownIntegers, permuteNumbers } from "./known.ts";
import { spreadTo } from "./pointwise.ts";

export const expand = defineOp({
  name: "Expand",
  opsets: [8, 13],
  summary: "broadcast to the shape of input 1 (which may itself hold ones)",
  attributes: {},
  inputs: [2, 2],
  infer(context) {
    const { dtype, dims } = context.inputs[0]!;
    const wanted = checkedDims(knownIntegers(context, 1, "the shape")!);
    const shape = broadcast(dims, wanted);
    if (shape) return [{ dtype, dims: checkedDims(shape) }];
    throw new Error(`shapes ${formatShape(dims)} and ${formatShape(wanted)} do not broadcast`);
  },
  reference: ([x], _attributes, [out]) => [spreadTo(x!, out!.dims)],
  kernels: [
    stridedCopy(({ inputs, outputs }) => {
      const { dims } = outputs[0]!;
      const strides = broadcastStrides(inputs[0]!.dims, dims);
      return [{ input: 0, output: 0, from: { dims, strides, offset: 0 } }];
    }),
  ],
  permuteAxes({ permutation, constants }) {
    const shape = constants[1];
    if (shape?.size !== permutation.length) return undefined;
    return { constants: new Map([[1, permuteNumbers(shape, permutation)]]) };
  },
  traits: { acceptsEpilogue: true, layout: "axes" },
  cases: [
    {
      name: "ONNX example: same rank",
      inputs: [{ dims: [3, 1], values: [1, 2, 3] }, ints(3, 4)],
      expected: [[1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]],
    },
    {
      name: "ONNX example: the shape holds ones",
      inputs: [{ dims: [3, 1], values: [1, 2, 3] }, ints(2, 1, 2)],
      expected: [[1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3]],
    },
    { name: "channels", inputs: [random([2, 8, 1, 1]), ints(2, 8, 3, 5)] },
    { name: "pixels, aligned", inputs: [random([1, 1, 8]), ints(3, 5, 8)] },
    { name: "a scalar", inputs: [random([]), ints(4, 4)] },
  ],
});

export const tile = defineOp({
  name: "Tile",
  opsets: [1, 6, 13],
  summary: "the input repeated along each axis as often as input 1 says",
  attributes: {},
  inputs: [2, 2],
  infer(context) {
    const { dtype, dims } = context.inputs[0]!;
    const repeats = knownIntegers(context, 1, "the repeats")!;
    if (repeats.length !== dims.length) {
      throw new Error(`${repeats.length} repeats for an input of ${dims.length} axes`);
    }
    const bad = repeats.find((r) => r < 0);
    if (bad !== undefined) throw new Error(`an axis cannot be repeated ${bad} times`);
    return [{ dtype, dims: checkedDims(dims.map((d, i) => d * repeats[i]!)) }];
  },
  reference([x], _attributes, [out]) {
    return [pick(x!, out!.dims, (at) => at.map((i, axis) => i % x!.dims[axis]!))];
  },
  kernels: [
    stridedCopy(({ inputs, outputs }) => {
      // Each axis becomes two: which repetition, and the place in it.
      const { dims } = inputs[0]!;
      const strides = stridesOf(dims);
      const from = {
        dims: dims.flatMap((d, i) => [d === 0 ? 0 : outputs[0]!.dims[i]! / d, d]),
        strides: strides.flatMap((s) => [0, s]),
        offset: 0,
      };
      return [{ input: 0, output: 0, from }];
    }),
  ],
  permuteAxes({ permutation, constants }) {
    const repeats = constants[1];
    return repeats && { constants: new Map([[1, permuteNumbers(repeats, permutation)]]) };
  },
  traits: { acceptsEpilogue: true, layout: "axes" },
  cases: [
    {
      name: "ONNX example",
      inputs: [{ dims: [2, 2], values: [0, 1, 2, 3] }, ints(2, 2)],
      expected: [[0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3]],
    },
    { name: "aligned", inputs: [random([3, 5, 8]), ints(2, 1, 3)] },
    { name: "odd", inputs: [random([2, 3, 1, 5]), ints(1, 2, 4, 2)] },
    { name: "none", inputs: [random([2, 3]), ints(0, 2)] },
  ],
});
