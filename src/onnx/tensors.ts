import { create } from "@bufbuild/protobuf";
import { RekindleError } from "../errors.ts";
import {
  bytesPerElement,
  type DType,
  formatShape,
  newArray,
  Tensor,
  type TypedArray,
  viewBytes,
} from "../tensor/index.ts";
import { codeName, codeOf, dtypeOf } from "./element-types.ts";
import { TensorProto_DataType as Code, type TensorProto, TensorProtoSchema } from "./onnx_pb.ts";

/** Type, shape and size of a stored tensor, before anything is allocated for it. */
export interface TensorHeader {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly elements: number;
  /** Bytes in the file when the elements are stored raw. */
  readonly storedBytes: number;
}

/**
 * Checks a tensor's type and shape. Throws "model-unsupported" for element types that Rekindle
 * does not read and "model-invalid" for impossible shapes.
 */
export function readHeader(proto: TensorProto): TensorHeader {
  const dtype = dtypeOf(proto.dataType);
  if (!dtype) {
    throw new RekindleError(
      "model-unsupported",
      `tensor "${proto.name}" has elements of type ${codeName(proto.dataType)}`,
    );
  }
  const dims = proto.dims.map(Number);
  const elements = proto.dims.reduce((product, d) => product * d, 1n);
  const limit = BigInt(Number.MAX_SAFE_INTEGER) / 8n;
  if (proto.dims.some((d) => d < 0n || d > limit) || elements > limit) {
    throw new RekindleError(
      "model-invalid",
      `tensor "${proto.name}" has the impossible shape ${formatShape(dims)}`,
    );
  }
  const width = proto.dataType === Code.BFLOAT16 ? 2 : bytesPerElement(dtype);
  return { dtype, dims, elements: Number(elements), storedBytes: Number(elements) * width };
}

/**
 * The tensor that a message holds, whatever field its elements are in. Shares the bytes of the
 * file where their alignment allows it. External data must have been fetched before.
 */
export function readTensor(proto: TensorProto): Tensor {
  const { dtype, dims, elements, storedBytes } = readHeader(proto);
  const raw = proto.rawData;
  if (raw.byteLength > 0) {
    if (raw.byteLength !== storedBytes) {
      throw wrongSize(proto, dims, `${storedBytes} bytes`, `${raw.byteLength}`);
    }
    if (proto.dataType === Code.BFLOAT16) {
      return new Tensor(dtype, widenBfloat16(viewBytes("uint16", raw) as Uint16Array), dims);
    }
    return new Tensor(dtype, viewBytes(dtype, raw), dims);
  }
  const values = typedField(proto, dtype);
  if (values.length !== elements) {
    throw wrongSize(proto, dims, `${elements} elements`, `${values.length}`);
  }
  if (proto.dataType === Code.BFLOAT16) {
    return new Tensor(dtype, widenBfloat16(Uint16Array.from(values as number[])), dims);
  }
  return new Tensor(dtype, fill(dtype, values), dims);
}

/** The field in which onnx.proto stores elements of a type when they are not raw. */
function typedField(proto: TensorProto, dtype: DType): readonly (number | bigint)[] {
  if (proto.dataType === Code.FLOAT) return proto.floatData;
  if (dtype === "float64") return proto.doubleData;
  if (dtype === "int64") return proto.int64Data;
  if (dtype === "uint64" || dtype === "uint32") return proto.uint64Data;
  return proto.int32Data;
}

/** float16 elements are their bits here, as in the file. */
function fill(dtype: DType, values: readonly (number | bigint)[]): TypedArray {
  const data = newArray(dtype, values.length);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < values.length; i++) data[i] = values[i] as bigint;
  } else {
    for (let i = 0; i < values.length; i++) data[i] = Number(values[i]);
  }
  return data;
}

/** bfloat16 is the upper half of a float32. */
function widenBfloat16(bits: Uint16Array): Float32Array {
  const wide = Uint32Array.from(bits, (b) => b << 16);
  return new Float32Array(wide.buffer);
}

function wrongSize(
  proto: TensorProto,
  dims: readonly number[],
  needs: string,
  has: string,
): RekindleError {
  return new RekindleError(
    "model-invalid",
    `tensor "${proto.name}" (${formatShape(dims)}) needs ${needs}, the file holds ${has}`,
    { fix: "the file may be cut off or damaged: download or export it again" },
  );
}

/** The message for a tensor, its elements raw (little-endian, as every platform of Node is). */
export function writeTensor(name: string, tensor: Tensor): TensorProto {
  const { buffer, byteOffset, byteLength } = tensor.data;
  return create(TensorProtoSchema, {
    name,
    dims: tensor.dims.map(BigInt),
    dataType: codeOf(tensor.dtype),
    rawData: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
  });
}
