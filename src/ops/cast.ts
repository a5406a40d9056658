import { elementwiseOf } from "../kernels/elementwise.ts";
import { type DType, isFloat } from "../tensor/index.ts";
import { int } from "./attributes.ts";
import { type CaseInput, random } from "./case.ts";
import { defineOp } from "./define.ts";

/** ONNX's numbers of element types (`TensorProto.DataType`). */
const dtypeOfNumber: ReadonlyMap<number, DType> = new Map([
  [1, "float32"],
  [2, "uint8"],
  [3, "int8"],
  [4, "uint16"],
  [5, "int16"],
  [6, "int32"],
  [7, "int64"],
  [9, "bool"],
  [10, "float16"],
  [11, "float64"],
  [12, "uint32"],
  [13, "uint64"],
]);

const uneven: CaseInput = { dims: [5], values: [-1.75, -0.5, 0, 0.5, 2.75] };

export const cast = defineOp({
  name: "Cast",
  opsets: [1, 6, 9, 13, 19, 21, 23, 24, 25, 28],
  summary: "the same values in another element type",
  // `saturate` and `round_mode` matter to 8-bit floats only, which have no type here.
  attributes: { to: int(), saturate: int(1) },
  inputs: [1, 1],
  infer({ inputs, attributes }) {
    const dtype = dtypeOfNumber.get(attributes.to);
    if (!dtype) throw new Error(`element type ${attributes.to} (attribute "to") is not supported`);
    return [{ dtype, dims: inputs[0]!.dims }];
  },
  // Floats are cut off toward zero; integers that do not fit lose their high bits when stored.
  reference([x], _attributes, [out]) {
    if (out!.dtype === "bool") return [x!.data.map((v) => (v === 0 ? 0 : 1))];
    return [isFloat(out!.dtype) ? x!.data : x!.data.map(Math.trunc)];
  },
  kernels: [elementwiseOf("cast", () => [])],
  traits: { acceptsEpilogue: true, layout: "pointwise" },
  cases: [
    { name: "to float16", inputs: [random([3, 5])], attributes: { to: 10 } },
    { name: "to float32, vectors", inputs: [random([3, 4])], attributes: { to: 1 } },
    {
      name: "to int64",
      inputs: [uneven],
      attributes: { to: 7 },
      expected: [[-1, 0, 0, 0, 2]],
    },
    { name: "to bool", inputs: [uneven], attributes: { to: 9 }, expected: [[1, 1, 0, 1, 1]] },
    {
      name: "integers lose their high bits",
      inputs: [{ dims: [2], dtype: "int32", values: [200, -1] }],
      attributes: { to: 3 },
      expected: [[-56, -1]],
    },
  ],
});
