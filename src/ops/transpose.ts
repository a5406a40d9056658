import { stridedCopy } from "../kernels/strided-copy.ts";
import { transposeTiled } from "../kernels/transpose-tiled.ts";
import { stridesOf } from "../tensor/index.ts";
import { intList, optional } from "./attributes.ts";
import { random } from "./case.ts";
import { defineOp } from "./define.ts";
import { pick } from "./indexing.ts";

/** ONNX reverses the axes where no order is given. */
function orderOf(perm: readonly number[] | null, rank: number): readonly number[] {
  return perm ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
}

export const transpose = defineOp({
  name: "Transpose",
  opsets: [1, 13, 21, 23],
  summary: "axis i of the output is axis perm[i] of the input; reversed where perm is left out",
  attributes: { perm: optional(intList()) },
  inputs: [1, 1],
  infer({ inputs, attributes }) {
    const { dtype, dims } = inputs[0]!;
    const order = orderOf(attributes.perm, dims.length);
    const sorted = [...order].sort((a, b) => a - b);
    if (order.length !== dims.length || sorted.some((axis, i) => axis !== i)) {
      throw new Error(`perm ${order.join(", ")} does not order ${dims.length} axes`);
    }
    return [{ dtype, dims: order.map((axis) => dims[axis]!) }];
  },
  reference([x], { perm }, [out]) {
    const order = orderOf(perm, x!.dims.length);
    const from = new Array<number>(order.length).fill(0);
    return [
      pick(x!, out!.dims, (at) => {
        order.forEach((axis, i) => {
          from[axis] = at[i]!;
        });
        return from;
      }),
    ];
  },
  kernels: [
    transposeTiled,
    stridedCopy(({ inputs, outputs, attributes }) => {
      const strides = stridesOf(inputs[0]!.dims);
      const order = orderOf(attributes.perm as readonly number[] | null, strides.length);
      const walk = order.map((axis) => strides[axis]!);
      const from = { dims: outputs[0]!.dims, strides: walk, offset: 0 };
      return [{ input: 0, output: 0, from }];
    }),
  ],
  traits: { acceptsEpilogue: true },
  cases: [
    {
      name: "matrix",
      inputs: [{ dims: [2, 3], values: [1, 2, 3, 4, 5, 6] }],
      expected: [[1, 4, 2, 5, 3, 6]],
    },
    {
      name: "three axes",
      inputs: [{ dims: [2, 1, 3], values: [1, 2, 3, 4, 5, 6] }],
      attributes: { perm: [2, 0, 1] },
      expected: [[1, 4, 2, 5, 3, 6]],
    },
    {
      name: "picture to channels last",
      inputs: [random([2, 12, 5, 7])],
      attributes: { perm: [0, 2, 3, 1] },
    },
    {
      name: "picture to channels first",
      inputs: [random([2, 5, 8, 36])],
      attributes: { perm: [0, 3, 1, 2] },
    },
    {
      name: "three channels",
      inputs: [random([1, 3, 6, 6])],
      attributes: { perm: [0, 2, 3, 1] },
    },
    {
      name: "innermost stays",
      inputs: [random([3, 2, 5, 8])],
      attributes: { perm: [1, 2, 0, 3] },
    },
    {
      name: "batch between",
      inputs: [random([9, 2, 3, 10])],
      attributes: { perm: [3, 1, 2, 0] },
    },
    {
      name: "one dimension of each",
      inputs: [random([2, 3, 4, 5, 2])],
      attributes: { perm: [4, 2, 0, 3, 1] },
    },
    { name: "same order", inputs: [random([3, 5])], attributes: { perm: [0, 1] } },
  ],
});
