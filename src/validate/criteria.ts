import type { Spread } from "../bench/index.ts";
import type { TargetName } from "../trial/index.ts";

/** The success criteria, in their order. */
export const criterionIds = [
  "convolutions",
  "stability",
  "speed",
  "reboots",
  "reproducible",
  "models",
] as const;
export type CriterionId = (typeof criterionIds)[number];

export const titles: Readonly<Record<CriterionId, string>> = {
  convolutions: "Convolutions complete without an error, and are right",
  stability: "No crash and no hang under load",
  speed: "Speed within 20 % of the optimum",
  reboots: "Stable across reboots",
  reproducible: "The same bits every time",
  models: "Full models run, and are right",
};

/** Not shown: nothing speaks against it, and what was done does not prove it. */
export type Verdict = "met" | "not met" | "not shown";

/** A criterion, judged. */
export interface Criterion {
  readonly id: CriterionId;
  readonly title: string;
  readonly verdict: Verdict;
  /** What was seen: one sentence each. */
  readonly evidence: readonly string[];
  /** What would show it, where it is not shown. */
  readonly wouldShow?: string;
}

/** A measured time, for comparisons with other machines. */
export interface MeasuredTime {
  readonly what: "layer" | "model";
  readonly name: string;
  readonly class?: string;
  readonly batch: number;
  /** Height and width of a model's pictures. */
  readonly imageSize?: number;
  readonly ms: Spread;
  /** The least that the device could take; 0 where nothing is known. */
  readonly boundMs: number;
}

/** What a validation found. */
export interface ValidateReport {
  /** Of this document's shape; grows when a key changes its meaning or goes. */
  readonly schema: "rekindle-validate/1";
  readonly target: TargetName;
  readonly subject: string;
  /** What it ran on, as it says. */
  readonly device: string;
  /** A CPU that emulates a GPU, or takes its place: some criteria are about a card. */
  readonly isCard: boolean;
  readonly startedAt: string;
  readonly boot: string;
  readonly quick: boolean;
  readonly criteria: readonly Criterion[];
  readonly times: readonly MeasuredTime[];
  /** What this run cannot prove, however it ends. */
  readonly caveats: readonly string[];
  readonly journal: string;
  /** Not everything was done: it was stopped. */
  readonly isComplete: boolean;
}
