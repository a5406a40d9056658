/** Element types of ONNX tensors that Rekindle reads. */
export const dtypes = [
  "float32",
  "float16",
  "float64",
  "int64",
  "int32",
  "int16",
  "int8",
  "uint64",
  "uint32",
  "uint16",
  "uint8",
  "bool",
] as const;

export type DType = (typeof dtypes)[number];

export type TypedArray =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

type ArrayConstructor = {
  new (length: number): TypedArray;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TypedArray;
  readonly BYTES_PER_ELEMENT: number;
};

/** float16 is held as its bits in a Uint16Array: Node 20 has no Float16Array. */
const arrays: Record<DType, ArrayConstructor> = {
  float32: Float32Array,
  float16: Uint16Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint64: BigUint64Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

export function bytesPerElement(dtype: DType): number {
  return arrays[dtype].BYTES_PER_ELEMENT;
}

export function newArray(dtype: DType, length: number): TypedArray {
  return new arrays[dtype](length);
}

/** A typed view of bytes; copies first when they are not aligned for the type. */
export function viewBytes(dtype: DType, bytes: Uint8Array): TypedArray {
  const size = bytesPerElement(dtype);
  // Not bytes.slice(): that of a Buffer shares its memory, and so its offset.
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new arrays[dtype](aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

export function isTypedArrayOf(dtype: DType, data: unknown): data is TypedArray {
  return data instanceof arrays[dtype];
}

export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float16" || dtype === "float64";
}
