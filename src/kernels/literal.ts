import { RekindleError } from "../errors.ts";

/**
 * A number as WGSL text that is exactly its float32 value. WGSL can write neither infinity nor
 * NaN, so operators must leave such bounds out; any other use is an error.
 */
export function literal(value: number): string {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded)) {
    throw new RekindleError("model-unsupported", `an attribute is ${value}, beyond float32`, {
      fix: "give the attribute a finite value",
    });
  }
  const text = String(rounded);
  return rounded < 0 ? `(${text})` : text;
}
