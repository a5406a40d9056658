import type { DeviceSummary } from "../session/index.ts";
import type { Precision } from "../session/types.ts";
import type { Baseline } from "./baseline.ts";
import type { Comparison } from "./comparison.ts";
import type { ConvFailure, ConvTime } from "./measure-conv.ts";
import type { ModelFailure, ModelTime } from "./measure-model.ts";
import type { Roofline } from "./roofline.ts";

export type ConvRow = (ConvTime | ConvFailure) & { readonly comparisons: readonly Comparison[] };
export type ModelRow = (ModelTime | ModelFailure) & { readonly comparisons: readonly Comparison[] };

/** Everything that `rekindle bench` measured: what `--json` writes and `--plot` draws. */
export interface BenchReport {
  readonly what: "conv" | "model" | "sweep";
  readonly version: string;
  readonly measuredAt: string;
  readonly device: DeviceSummary & { readonly driver: string };
  readonly precision: Precision;
  /** Null on the CPU. */
  readonly roofline: Roofline | null;
  readonly baselines: readonly Omit<Baseline, "times">[];
  readonly convs: readonly ConvRow[];
  readonly models: readonly ModelRow[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

export const hasTime = <T extends object>(row: T): row is Exclude<T, { kind: string }> =>
  !("kind" in row);
