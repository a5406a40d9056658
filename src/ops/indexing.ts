import { type Shape, sizeOf, stridesOf } from "../tensor/index.ts";
import type { Ndarray } from "./define.ts";

/**
 * An array of shape `dims` whose element at `at` is the element of `x` at `source(at)`, or `fill`
 * where `source` gives undefined: how references move elements. `at` is reused between calls.
 */
export function pick(
  x: Ndarray,
  dims: Shape,
  source: (at: readonly number[]) => readonly number[] | undefined,
  fill = 0,
): Float64Array {
  const strides = stridesOf(x.dims);
  const out = new Float64Array(sizeOf(dims));
  const at = new Array<number>(dims.length).fill(0);
  for (let i = 0; i < out.length; i++) {
    const from = source(at);
    let flat = 0;
    for (let axis = 0; from && axis < strides.length; axis++) flat += from[axis]! * strides[axis]!;
    out[i] = from ? x.data[flat]! : fill;
    advance(at, dims);
  }
  return out;
}

/** The next index in row-major order. */
function advance(at: number[], dims: Shape): void {
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    at[axis] = at[axis]! + 1;
    if (at[axis]! < dims[axis]!) return;
    at[axis] = 0;
  }
}
