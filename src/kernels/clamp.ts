import { literal } from "./literal.ts";

/** WGSL for `x` of type `T`, held between two bounds; null and infinity are none. */
export function clamped(x: string, T: string, min: number | null, max: number | null): string {
  const low = isBound(min) ? `max(${x}, ${T}(${literal(min)}))` : x;
  return isBound(max) ? `min(${low}, ${T}(${literal(max)}))` : low;
}

const isBound = (value: number | null): value is number => value !== null && Number.isFinite(value);
