import type { DType } from "../tensor/index.ts";
import { TensorProto_DataType as Code } from "./onnx_pb.ts";

/** ONNX's numbers of the element types that tensors can have here. */
const codes: Readonly<Record<DType, number>> = {
  float32: Code.FLOAT,
  float16: Code.FLOAT16,
  float64: Code.DOUBLE,
  int64: Code.INT64,
  int32: Code.INT32,
  int16: Code.INT16,
  int8: Code.INT8,
  uint64: Code.UINT64,
  uint32: Code.UINT32,
  uint16: Code.UINT16,
  uint8: Code.UINT8,
  bool: Code.BOOL,
};

const dtypes = new Map(Object.entries(codes).map(([dtype, code]) => [code, dtype as DType]));

const names = new Map(Object.entries(Code).map(([name, code]) => [code as number, name]));

/** The element type of an ONNX number. bfloat16 is read as float32, which holds all its values. */
export function dtypeOf(code: number): DType | undefined {
  return code === Code.BFLOAT16 ? "float32" : dtypes.get(code);
}

export function codeOf(dtype: DType): number {
  return codes[dtype];
}

/** ONNX's name of an element type, for messages: "FLOAT8E4M3FN". */
export function codeName(code: number): string {
  return names.get(code) ?? `number ${code}`;
}
