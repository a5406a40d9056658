import { type Shape, sizeOf, Tensor } from "../tensor/index.ts";
import { int, optional, tensor } from "./attributes.ts";
import { type CaseInput, ints, random } from "./case.ts";
import { defineOp } from "./define.ts";
import { checkedDims, knownIntegers, knownNumbers } from "./known.ts";

/** As many elements as an operator of this file may make: they are held in float64 on the CPU. */
const elementsMax = 2 ** 26;

/** The part of a shape from `start` to `end`, both counted from the end where negative. */
function partOf(dims: Shape, start: number, end: number | null): number[] {
  return dims.slice(start, end ?? dims.length);
}

export const shape = defineOp({
  name: "Shape",
  opsets: [1, 13, 15, 19, 21, 23],
  summary: "the sizes of the input's axes, from `start` to `end` (exclusive)",
  attributes: { start: int(0), end: optional(int()) },
  inputs: [1, 1],
  infer({ inputs, attributes: { start, end } }) {
    return [{ dtype: "int64", dims: [partOf(inputs[0]!.dims, start, end).length] }];
  },
  reference: ([x], { start, end }) => [Float64Array.from(partOf(x!.dims, start, end))],
  kernels: [],
  traits: { dependsOnTypeOnly: true },
  cases: [
    { name: "all", inputs: [random([2, 3, 4])], expected: [[2, 3, 4]] },
    {
      name: "from the end",
      inputs: [random([2, 3, 4])],
      attributes: { start: -1 },
      expected: [[4]],
    },
    {
      name: "part",
      inputs: [random([2, 3, 4])],
      attributes: { start: 1, end: -1 },
      expected: [[3]],
    },
    {
      name: "clamped",
      inputs: [random([2, 3, 4])],
      attributes: { start: -9, end: 9 },
      expected: [[2, 3, 4]],
    },
    { name: "a scalar", inputs: [random([])], expected: [[]] },
  ],
});

export const size = defineOp({
  name: "Size",
  opsets: [1, 13, 19, 21, 23],
  summary: "how many elements the input has",
  attributes: {},
  inputs: [1, 1],
  infer: () => [{ dtype: "int64", dims: [] }],
  reference: ([x]) => [Float64Array.of(sizeOf(x!.dims))],
  kernels: [],
  traits: { dependsOnTypeOnly: true },
  cases: [
    { name: "matrix", inputs: [random([2, 3])], expected: [[6]] },
    { name: "a scalar", inputs: [random([])], expected: [[1]] },
  ],
});

export const constantOfShape = defineOp({
  name: "ConstantOfShape",
  opsets: [9, 20, 21, 23],
  summary: "a tensor of the shape of input 0, filled with `value` (a float32 zero by default)",
  attributes: { value: optional(tensor()) },
  inputs: [1, 1],
  infer(context) {
    const { value } = context.attributes;
    if (value && value.size !== 1) throw new Error(`value has ${value.size} elements, needs 1`);
    const dims = checkedDims(knownIntegers(context, 0, "the shape")!, elementsMax);
    return [{ dtype: value?.dtype ?? "float32", dims }];
  },
  reference: (_inputs, { value }, [out]) => [
    new Float64Array(sizeOf(out!.dims)).fill(value?.toNumbers()[0] ?? 0),
  ],
  kernels: [],
  traits: {},
  cases: [
    { name: "zeros", inputs: [ints(2, 3)], expected: [[0, 0, 0, 0, 0, 0]] },
    {
      name: "a value",
      inputs: [ints(3)],
      attributes: { value: Tensor.from("int64", [7], [1]) },
      expected: [[7, 7, 7]],
    },
    { name: "a scalar", inputs: [ints()], expected: [[0]] },
  ],
});

/** A constant int64 scalar. */
const scalar = (value: number): CaseInput => ({
  dims: [],
  dtype: "int64",
  values: [value],
  constant: true,
});

export const range = defineOp({
  name: "Range",
  opsets: [11],
  summary: "numbers from input 0 to input 1 (exclusive), input 2 apart",
  attributes: {},
  inputs: [3, 3],
  infer(context) {
    const names = ["the start", "the limit", "the step"];
    const [start, limit, step] = names.map((name, i) => knownNumbers(context, i, name)![0]!);
    if (step === 0) throw new Error("the step (input 2) is 0");
    const count = Math.max(0, Math.ceil((limit! - start!) / step!));
    return [{ dtype: context.inputs[0]!.dtype, dims: checkedDims([count], elementsMax) }];
  },
  reference([start, , step], _attributes, [out]) {
    const from = start!.data[0]!;
    const by = step!.data[0]!;
    return [Float64Array.from({ length: out!.dims[0]! }, (_, i) => from + i * by)];
  },
  kernels: [],
  traits: {},
  cases: [
    { name: "up", inputs: [scalar(3), scalar(9), scalar(3)], expected: [[3, 6]] },
    {
      name: "ONNX example: down",
      inputs: [scalar(10), scalar(6), scalar(-3)],
      expected: [[10, 7]],
    },
    { name: "nothing", inputs: [scalar(3), scalar(3), scalar(1)], expected: [[]] },
  ],
});
