import { broadcastStrides, type Shape } from "../tensor/index.ts";
import type { Place } from "./kernel.ts";
import { stridesAt } from "./place.ts";

/** Some dimensions of an output, outermost first, with the strides of a buffer read along them. */
export interface Strided {
  readonly dims: readonly number[];
  readonly strides: readonly number[];
}

/**
 * The fewest dimensions that describe the same walk: drops those of size 1 and merges neighbours
 * whose strides continue each other. A plain copy becomes one dimension of stride 1.
 */
export function collapse({ dims, strides }: Strided): Strided {
  const outDims: number[] = [];
  const outStrides: number[] = [];
  for (let i = 0; i < dims.length; i++) {
    if (dims[i] === 1) continue;
    const last = outDims.length - 1;
    if (last >= 0 && outStrides[last] === strides[i]! * dims[i]!) {
      outDims[last] = outDims[last]! * dims[i]!;
      outStrides[last] = strides[i]!;
    } else {
      outDims.push(dims[i]!);
      outStrides.push(strides[i]!);
    }
  }
  return { dims: outDims, strides: outStrides };
}

/**
 * How a tensor of shape `dims` is read along the output shape `out` that it is broadcast to; from
 * the first element of `place` on, where it lies there.
 */
export function broadcastWalk(dims: Shape, out: Shape, place?: Place): Strided {
  return collapse({ dims: out, strides: stridesAt(place, broadcastStrides(dims, out)) });
}

/** Four neighbours of the output lie side by side in the buffer, or are one element of it. */
export function vectorizable(walk: Strided): boolean {
  const last = walk.dims.length - 1;
  if (last < 0) return true;
  const stride = walk.strides[last]!;
  const aligned = walk.strides.every((s, i) => i === last || s % 4 === 0);
  return walk.dims[last]! % 4 === 0 && (stride === 0 || (stride === 1 && aligned));
}

/** All lanes of a vector read the same element. */
export function isSplat(walk: Strided): boolean {
  return walk.dims.length === 0 || walk.strides[walk.strides.length - 1] === 0;
}

/**
 * WGSL statements that set `${name}` to the offset, in elements of the buffer, of the output
 * element `at`; and the params they need (named with `prefix`). Strides may be
 * negative: the shader's arithmetic wraps, so that the sum comes out right.
 */
export function offsetCode(walk: Strided, prefix: string, name: string, at: string) {
  const params: Record<string, number> = {};
  const lines = [`var ${name} = 0u;`];
  const rank = walk.dims.length;
  if (rank === 1) {
    params[`${prefix}_stride0`] = walk.strides[0]!;
    lines.push(`${name} = ${at} * params.${prefix}_stride0;`);
  } else if (rank > 1) {
    lines.push(`var ${name}_rest = ${at};`);
    for (let i = rank - 1; i >= 0; i--) {
      params[`${prefix}_stride${i}`] = walk.strides[i]!;
      if (i === 0) {
        lines.push(`${name} += ${name}_rest * params.${prefix}_stride0;`);
        break;
      }
      params[`${prefix}_dim${i}`] = walk.dims[i]!;
      lines.push(
        `${name} += (${name}_rest % params.${prefix}_dim${i}) * params.${prefix}_stride${i};`,
        `${name}_rest /= params.${prefix}_dim${i};`,
      );
    }
  }
  return { code: lines.map((l) => `  ${l}`).join("\n"), params };
}
