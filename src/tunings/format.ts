import { z } from "zod";
import { RekindleError } from "../errors.ts";
import type { Tunings } from "./tuning.ts";

const tuning = z.strictObject({
  problem: z.string().min(1).max(20_000),
  kernel: z.string().min(1).max(100),
  config: z.record(z.string().max(100), z.union([z.number(), z.boolean(), z.string().max(100)])),
  wgsl: z.string().regex(/^[0-9a-f]{16}$/, "must be 16 hexadecimal digits"),
  timeMs: z.number().positive(),
  defaultMs: z.number().positive(),
  tunedAt: z.iso.datetime(),
});

const tunings = z.strictObject({
  format: z.literal("rekindle-tunings"),
  version: z.literal(1),
  devices: z.array(
    z.strictObject({
      adapter: z.string().min(1).max(500),
      driver: z.string().max(500),
      tunings: z.array(tuning),
    }),
  ),
});

/**
 * Checks that a value is tunings of this version. Throws "file-invalid" with the first thing that
 * is wrong; `name` says what was read.
 */
export function checkTunings(value: unknown, name: string): Tunings {
  const result = tunings.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const where = path.length > 0 ? ` at ${path.join(".")}` : "";
  throw invalid(name, `${message}${where}`);
}

/** Reads tunings from text, as `checkTunings`. */
export function parseTunings(text: string, name: string): Tunings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(name, "it is no JSON");
  }
  return checkTunings(value, name);
}

function invalid(name: string, problem: string): RekindleError {
  return new RekindleError("file-invalid", `${name} holds no tunings: ${problem}`, {
    fix: "write it again with `rekindle tune --export FILE`, on the machine where it was measured",
  });
}
