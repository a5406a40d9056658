import {
  bytesPerElement,
  type DType,
  newArray,
  type Tensor,
  toFloat16Bits,
} from "../tensor/index.ts";
import type { Packed } from "./kernel.ts";

const identities = new WeakMap<Tensor, number>();
let nextIdentity = 0;

/** A number that stands for this tensor and no other, for keys of packed weights. */
function identityOf(tensor: Tensor): number {
  let id = identities.get(tensor);
  if (id === undefined) {
    id = nextIdentity++;
    identities.set(tensor, id);
  }
  return id;
}

/**
 * A constant rearranged: `fill` writes `length` numbers, in order of the new layout, from the
 * constant's numbers. `layout` names the new layout with all sizes that it depends on.
 */
export function packConstant(options: {
  readonly tensor: Tensor;
  readonly input: number;
  readonly layout: string;
  readonly dtype: DType;
  readonly length: number;
  readonly fill: (from: ArrayLike<number>, to: { [index: number]: number }) => void;
}): Packed {
  const { tensor, input, layout, dtype, length, fill } = options;
  const bytes = Math.ceil((length * bytesPerElement(dtype)) / 16) * 16;
  return {
    bytes,
    key: `${identityOf(tensor)} ${dtype} ${layout}`,
    inputs: [input],
    make() {
      const from = tensor.dtype === "float32" ? (tensor.data as Float32Array) : tensor.toNumbers();
      const count = bytes / bytesPerElement(dtype);
      if (dtype === "float32") {
        const to = new Float32Array(count);
        fill(from, to);
        return to;
      }
      const numbers = new Float32Array(count);
      fill(from, numbers);
      const to = newArray(dtype, count) as Uint16Array;
      for (let i = 0; i < count; i++) to[i] = toFloat16Bits(numbers[i]!);
      return to;
    },
  };
}
