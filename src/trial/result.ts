import type { Certainty, Explanation } from "../explain/index.ts";

/** What came of a step. */
export const outcomes = [
  "passed",
  "wrong",
  "error",
  "signal",
  "hang",
  "gpu-reset",
  "machine-died",
  "over-limit",
  "interrupted",
  "stopped",
  "unavailable",
  "not-run",
] as const;
export type Outcome = (typeof outcomes)[number];

export const outcomeMeaning: Readonly<Record<Outcome, string>> = {
  passed: "ran, and its numbers are right",
  wrong: "ran, and its numbers are wrong",
  error: "ended with an error of its own",
  signal: "crashed: a signal ended it",
  hang: "did not end in time",
  "gpu-reset": "the kernel reset the GPU meanwhile",
  "machine-died": "hung or rebooted the machine",
  "over-limit": "was ended for the memory or processor time that it took",
  interrupted: "rekindle was killed meanwhile; what came of it is not known",
  stopped: "was stopped by the user",
  unavailable: "cannot be asked here",
  "not-run": "was not run",
};

/** Whether something is in the way: neither right nor left out. */
export function isFailure(outcome: Outcome): boolean {
  return !["passed", "stopped", "unavailable", "not-run"].includes(outcome);
}

/** A cause that `rekindle explain` sees in what the step and the kernel wrote. */
export interface Cause {
  readonly id: string;
  readonly title: string;
  readonly certainty: Certainty;
  readonly cause: string;
}

export interface StepResult {
  readonly outcome: Outcome;
  /** One sentence. */
  readonly detail: string;
  /** The last place that it announced: "compute on cuda". */
  readonly at?: string;
  /** The largest relative error among its outputs, and what rounding explains. */
  readonly error?: number | "not finite";
  readonly tolerance?: number;
  readonly output?: string;
  /** What else the step found out. */
  readonly data?: Readonly<Record<string, unknown>>;
  /** What it ran on. */
  readonly device?: string;
  readonly timeMs: number;
  readonly memoryBytesMax?: number;
  /** It outlived SIGKILL inside the kernel: only a restart of the machine removes it. */
  readonly unkillable?: true;
  /** Processes that it left behind, which were killed. */
  readonly leftBehind?: number;
  readonly kernelLines?: readonly string[];
  readonly causes?: readonly Cause[];
  /** The end of what it wrote, for steps that failed. */
  readonly text?: string;
}

/**
 * The causes worth a line: what is harmless or only closes a message is none. Of what hung it is
 * one that MIOpen searches and compiles, which takes minutes at the first use of a shape.
 */
export function causesIn(explanation: Explanation, hung: boolean): Cause[] {
  return explanation.findings
    .filter(({ role, id }) => {
      if (role === "cause" || role === "symptom") return true;
      return hung && role === "harmless" && id.startsWith("miopen-");
    })
    .slice(0, 3)
    .map(({ id, title, certainty, cause }) => ({ id, title, certainty, cause }));
}
