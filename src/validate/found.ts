import type { StepResult } from "../trial/index.ts";
import type { MeasuredTime } from "./criteria.ts";
import type { HistoryEntry } from "./history.ts";
import type { Extent, Part } from "./plan.ts";
import type { SensorRange } from "./sensors.ts";

/** All that was found out, before it is judged. */
export interface Found {
  readonly parts: readonly Part[];
  readonly results: ReadonlyMap<string, StepResult>;
  readonly extent: Extent;
  readonly times: readonly MeasuredTime[];
  readonly sensors: SensorRange;
  /** Of earlier validations of the same; the present one is no part of it. */
  readonly history: readonly HistoryEntry[];
  readonly boot: string;
  /** A GPU that a CPU emulates. */
  readonly isEmulated: boolean;
  /** Whether this user may read the kernel's log; undefined where Linux does not run. */
  readonly seesKernelLog?: boolean | undefined;
}

/** What judging a criterion gives; the verdict follows from both lists. */
export interface Judgement {
  readonly evidence: readonly string[];
  readonly against: readonly string[];
  /** What is missing to the proof. */
  readonly wouldShow?: string | undefined;
}
