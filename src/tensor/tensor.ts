import { RekindleError } from "../errors.ts";
import { type DType, isTypedArrayOf, newArray, type TypedArray } from "./dtype.ts";
import { fromFloat16Bits, toFloat16Bits } from "./float16.ts";
import { formatShape, type Shape, sizeOf } from "./shape.ts";

/**
 * A dense row-major array in the CPU's memory, in the form that users of ONNX Runtime know.
 * float16 data are the bits in a Uint16Array; int64 data a BigInt64Array; bool data a Uint8Array.
 *
 * @example
 * const x = new Tensor("float32", new Float32Array(1 * 3 * 224 * 224), [1, 3, 224, 224]);
 */
export class Tensor {
  readonly dtype: DType;
  readonly dims: Shape;
  readonly data!: TypedArray;

  /** `data` may be a function: it is called when the elements are first asked for. */
  constructor(dtype: DType, data: TypedArray | (() => TypedArray), dims: Shape) {
    this.dtype = dtype;
    this.dims = dims;
    if (typeof data === "function") this.computeLater(data);
    else this.data = checked(data, dtype, dims);
  }

  get size(): number {
    return sizeOf(this.dims);
  }

  /** Makes `data` a property that computes its value, and then is that value. */
  private computeLater(compute: () => TypedArray): void {
    const how = { enumerable: true, configurable: true };
    const get = () => {
      const value = checked(compute(), this.dtype, this.dims);
      Object.defineProperty(this, "data", { ...how, value });
      return value;
    };
    Object.defineProperty(this, "data", { ...how, get });
  }

  /** A tensor of `dtype` from plain numbers; rounds to float16 or integers as the type asks. */
  static from(dtype: DType, values: ArrayLike<number>, dims: Shape): Tensor {
    const data = newArray(dtype, values.length);
    writeNumbers(dtype, data, values);
    return new Tensor(dtype, data, dims);
  }

  /** The elements as float64, copied (int64 beyond 2^53 is rounded). */
  toNumbers(): Float64Array {
    const { data, dtype } = this;
    const out = new Float64Array(data.length);
    if (dtype === "float16") {
      for (let i = 0; i < out.length; i++) out[i] = fromFloat16Bits(data[i] as number);
    } else if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
      for (let i = 0; i < out.length; i++) out[i] = Number(data[i]);
    } else {
      out.set(data);
    }
    return out;
  }

  /** The same elements under other dims; shares the data. */
  reshape(dims: Shape): Tensor {
    return new Tensor(this.dtype, this.data, dims);
  }

  /** The same values in another type; the tensor itself where the type is the same. */
  cast(dtype: DType): Tensor {
    return dtype === this.dtype ? this : Tensor.from(dtype, this.toNumbers(), this.dims);
  }
}

function checked(data: TypedArray, dtype: DType, dims: Shape): TypedArray {
  if (!isTypedArrayOf(dtype, data)) {
    throw new RekindleError("input-dtype", `${dtype} data cannot be a ${nameOf(data)}`);
  }
  if (dims.some((d) => !Number.isInteger(d) || d < 0) || sizeOf(dims) !== data.length) {
    throw new RekindleError(
      "input-shape",
      `${data.length} elements do not fill the shape ${formatShape(dims)}`,
    );
  }
  return data;
}

function nameOf(data: unknown): string {
  return (data as object | undefined)?.constructor?.name ?? typeof data;
}

function writeNumbers(dtype: DType, data: TypedArray, values: ArrayLike<number>): void {
  if (dtype === "float16") {
    for (let i = 0; i < values.length; i++) data[i] = toFloat16Bits(values[i]!);
  } else if (data instanceof BigInt64Array) {
    for (let i = 0; i < values.length; i++) data[i] = BigInt.asIntN(64, toBigInt(values[i]!));
  } else if (data instanceof BigUint64Array) {
    for (let i = 0; i < values.length; i++) data[i] = BigInt.asUintN(64, toBigInt(values[i]!));
  } else if (dtype === "bool") {
    for (let i = 0; i < values.length; i++) data[i] = values[i] ? 1 : 0;
  } else {
    (data as Float64Array).set(values);
  }
}

/** Truncates toward zero; saturates, so that 2^63 (int64's largest, as float64) stays positive. */
function toBigInt(value: number): bigint {
  if (Number.isNaN(value)) return 0n;
  if (value >= 2 ** 63) return 2n ** 63n - 1n;
  if (value <= -(2 ** 63)) return -(2n ** 63n);
  return BigInt(Math.trunc(value));
}
