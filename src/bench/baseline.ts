import { z } from "zod";
import { RekindleError } from "../errors.ts";
import type { Comparison } from "./comparison.ts";

const milliseconds = z.strictObject({
  median: z.number().positive(),
  /** Of the fastest and the slowest, or of the 10th and 90th percentile, as `kind` says. */
  low: z.number().positive().optional(),
  high: z.number().positive().optional(),
  count: z.int().positive().optional(),
  kind: z.enum(["p10..p90", "min..max"]).optional(),
});

const time = z.strictObject({
  what: z.enum(["model", "conv"]),
  /** A model's name, or a layer's as `rekindle bench conv --list` prints it. */
  name: z.string().min(1).max(200),
  batch: z.int().positive(),
  /** Height and width of a model's pictures. */
  size: z.tuple([z.int().positive(), z.int().positive()]).optional(),
  precision: z.enum(["f32", "f16", "f16acc32"]),
  /** Whole runs go from the CPU's memory to the CPU's memory. */
  measure: z.enum(["on device", "whole"]),
  /** The way that was measured: "CUDA graph", "eager". */
  how: z.string().max(200),
  ms: milliseconds,
});

const baseline = z.strictObject({
  format: z.literal("rekindle-baseline"),
  version: z.literal(1),
  /** A short name for columns and plots: "cuDNN". */
  title: z.string().min(1).max(40),
  machine: z.string().min(1).max(500),
  software: z.string().min(1).max(500),
  /** What wrote it. */
  command: z.string().min(1).max(500),
  /** When: "2026-11-21". */
  date: z.iso.date(),
  notes: z.string().max(1000).optional(),
  times: z.array(time).max(100_000),
});

/** Times of another engine on one machine, stored. */
export type Baseline = z.infer<typeof baseline>;
export type BaselineTime = z.infer<typeof time>;

/** Reads a baseline; throws "file-invalid" with the first thing that is wrong. */
export function parseBaseline(text: string, name: string): Baseline {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(name, "it is no JSON");
  }
  const result = baseline.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw invalid(name, path.length > 0 ? `${message} at ${path.join(".")}` : message);
}

function invalid(name: string, problem: string): RekindleError {
  return new RekindleError("file-invalid", `${name} holds no baseline: ${problem}`, {
    fix: "pass a file of bench/baselines, or one that bench/torch_baseline.py wrote",
  });
}

/** Something that was measured here, with the milliseconds of each kind of run. */
export interface Measured extends Pick<BaselineTime, "what" | "name" | "batch" | "precision"> {
  readonly size?: readonly number[] | undefined;
  readonly ms: Partial<Record<BaselineTime["measure"], number>>;
}

/** Comparisons with a baseline, each with the fastest way that it holds for the same thing. */
export function comparedWithBaseline(baseline: Baseline, own: Measured): Comparison[] {
  const keys = ["what", "name", "batch", "precision"] as const;
  const same = baseline.times.filter(
    (t) => keys.every((key) => t[key] === own[key]) && t.size?.join() === own.size?.join(),
  );
  return (["on device", "whole"] as const).flatMap((measure): Comparison[] => {
    const ownMs = own.ms[measure];
    const ways = same.filter((t) => t.measure === measure);
    const [fastest] = ways.toSorted((a, b) => a.ms.median - b.ms.median);
    if (ownMs === undefined || !fastest) return [];
    const { title, machine } = baseline;
    const otherMs = fastest.ms.median;
    const speedUp = otherMs / ownMs;
    return [{ title, machine, measure, how: fastest.how, otherMs, ownMs, speedUp }];
  });
}
