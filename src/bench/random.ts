import { normalNumbers } from "../models/normal.ts";
import { type DType, type Shape, sizeOf, Tensor, toFloat16Bits } from "../tensor/index.ts";

/** Numbers in [0, 1) that repeat for equal seeds (mulberry32). */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Larger tensors repeat so many numbers. A prime, so that no row or picture looks like another. */
const distinctMax = 1_000_003;

/** A tensor of seeded normal numbers; fast enough for hundreds of megabytes. */
export function normalTensor(
  dtype: Extract<DType, "float32" | "float16">,
  dims: Shape,
  seed: number,
  deviation = 1,
): Tensor {
  const length = sizeOf(dims);
  const distinct = Math.min(length, distinctMax);
  const numbers = normalNumbers(seed)(distinct, deviation)();
  const data = dtype === "float32" ? new Float32Array(length) : new Uint16Array(length);
  data.set(dtype === "float32" ? numbers : Uint16Array.from(numbers, toFloat16Bits));
  for (let filled = distinct; filled < length; filled *= 2) {
    data.copyWithin(filled, 0, Math.min(filled, length - filled));
  }
  return new Tensor(dtype, data, dims);
}
