import type { Experiment, Risk } from "./experiment.ts";
import { isFailure, type Outcome, type StepResult } from "./result.ts";
import type { Search } from "./search.ts";
import type { TargetName } from "./targets.ts";

/** Nothing lets this user read the kernel's log. */
export const unreadable = "unreadable";

/** One row of a report. */
export interface ReportedStep extends StepResult {
  readonly id: string;
  readonly proves: string;
  readonly risk: Risk;
}

/** What a trial found out. */
export interface TrialReport {
  /** Of this document's shape; grows when a key changes its meaning or goes. */
  readonly schema: "rekindle-trial/1";
  readonly target: TargetName;
  /** What was tried: the Python with its torch, or the engine. */
  readonly subject: string;
  /** What it ran on, as it says. */
  readonly device?: string;
  readonly startedAt: string;
  /** Starts of the machine that the trial spans: more than one after a crash of it. */
  readonly boots: number;
  readonly confinement: string;
  /** Where the kernel's log was read, or `unreadable`; left out where Linux does not run. */
  readonly kernelLog?: string;
  readonly journal: string;
  readonly steps: readonly ReportedStep[];
  readonly search?: Search;
  readonly counts: Readonly<Record<"passed" | "failed" | "left-out", number>>;
  /** Not everything was done: `rekindle trial --resume` goes on. */
  readonly isComplete: boolean;
}

export function reported(
  experiments: readonly Experiment[],
  results: ReadonlyMap<string, StepResult>,
): ReportedStep[] {
  return experiments.flatMap(({ id, proves, risk }) => {
    const result = results.get(id);
    return result ? [{ id, proves, risk, ...result }] : [];
  });
}

/** How many steps came to which kind of end. */
export function countsOf(outcomes: readonly Outcome[]): TrialReport["counts"] {
  const passed = outcomes.filter((outcome) => outcome === "passed").length;
  const failed = outcomes.filter(isFailure).length;
  return { passed, failed, "left-out": outcomes.length - passed - failed };
}
