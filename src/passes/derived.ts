import { type DType, Tensor, type TypedArray } from "../tensor/index.ts";

const known = new WeakMap<Tensor, Map<string, Tensor>>();

/**
 * A constant of the same shape as `source`, computed from it when it is first read: on a GPU that
 * is while shaders compile. `key` says how it comes about; equal keys give one tensor, so that
 * plans for several input sizes share one copy.
 */
export function derived(
  source: Tensor,
  key: string,
  make: () => TypedArray,
  dtype: DType = source.dtype,
): Tensor {
  const of = known.get(source) ?? new Map<string, Tensor>();
  known.set(source, of);
  const made = of.get(key) ?? new Tensor(dtype, make, source.dims);
  of.set(key, made);
  return made;
}
