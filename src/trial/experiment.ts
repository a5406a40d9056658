import type { Case } from "./case.ts";

/** What may happen to the machine, the least first. */
export const risks = ["safe", "crash", "hang", "refused"] as const;
export type Risk = (typeof risks)[number];

export const riskMeaning: Readonly<Record<Risk, string>> = {
  safe: "safe",
  crash: "may crash the process",
  hang: "may hang or reset the GPU",
  refused: "refused",
};

/** What a step may use. */
export interface Limits {
  /** From the moment on which the experiment is handed over; loading libraries has its own. */
  readonly timeMs: number;
  /** From one announcement of where it is to the next; left out: no such limit. */
  readonly quietMs?: number;
  /** The process and its children together. */
  readonly memoryBytes: number;
  readonly cpuSeconds: number;
}

/** A change of surroundings that is known to matter to some card. */
export interface Switch {
  readonly id: string;
  readonly what: string;
  /** Variables that are set, or taken away where undefined, before the program starts. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A statement that is run behind `import torch`. */
  readonly python?: string;
}

/** One thing to find out. Data: nothing happens before it is run. */
export interface Experiment {
  /** Stable, with what it belongs to first: "torch/conv/stride-2". */
  readonly id: string;
  /** What is known once it has passed, as a clause: "a strided convolution is right". */
  readonly proves: string;
  readonly risk: Risk;
  /** What makes it riskier than usual on this machine. */
  readonly danger?: string;
  /** Why it is refused. */
  readonly refusal?: string;
  /** Experiments that have to pass before: without tensors nothing else works. */
  readonly needs: readonly string[];
  readonly limits: Limits;
  /** What the process of the step is told to do. */
  readonly order: Readonly<Record<string, unknown>>;
  /** What it computes, where that is a case of the matrix. */
  readonly case?: Case;
  /** The relative error up to which its numbers are right. */
  readonly tolerance: number;
  readonly switches: readonly Switch[];
}

const GB = 1e9;
const minuteMs = 60_000;

/**
 * MIOpen compiles and searches at the first use of every shape, for up to minutes, on all cores:
 * that is no hang. A network has dozens of shapes.
 */
const usual: Limits = { timeMs: 5 * minuteMs, memoryBytes: 8 * GB, cpuSeconds: 3600 };
const long: Limits = { timeMs: 20 * minuteMs, memoryBytes: 12 * GB, cpuSeconds: 14_400 };

export const limitsOf = (one: Case): Limits =>
  one.task === "network" || one.task === "compile" ? long : usual;
