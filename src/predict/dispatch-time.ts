import type { Machine } from "./machine.ts";

/** The code that a wave runs, as compiled. Clocks of one SIMD for one wave. */
export interface Code {
  /** Clocks of the vector unit, and of the SIMD's share of workgroup memory, in one iteration. */
  readonly vectorClocks: number;
  readonly sharedClocks: number;
  /** Waits for memory in an iteration that nothing covers. */
  readonly exposedWaits: number;
  /** Clocks of the vector unit before and after the loop. */
  readonly outsideClocks: number;
}

/** What one dispatch asks of a machine. */
export interface DispatchWork {
  readonly code: Code;
  readonly iterations: number;
  readonly workgroups: number;
  readonly wavesPerGroup: number;
  /** Workgroups that a unit has room for at a time. */
  readonly groupsPerUnit: number;
  /** Bytes that a workgroup loads from the caches. */
  readonly loadedBytes: number;
  /** Bytes that come from or go to memory, and those that stay in the last cache. */
  readonly memoryBytes: number;
  readonly cachedBytes: number;
}

/** Parts of a dispatch's time in milliseconds, and their sum as the model combines them. */
export interface DispatchTime {
  readonly computeMs: number;
  readonly loadMs: number;
  readonly memoryMs: number;
  readonly launchMs: number;
  readonly predictedMs: number;
  /** What takes the most. */
  readonly limit: "compute" | "loads" | "memory" | "launch";
}

/**
 * What no data sheet tells, in seconds: fitted on an H100, and taken over to other GPUs as it is.
 * `slice` and `mix` to half of 89 layers in many tiles and up to five splits each, as
 * bench/predict-fit.mjs prints them; the other half tells the error (h100.test.ts). `launch` to
 * twelve networks (bench/predict-check.mjs). `exposed` is what a hit in the L2 takes on RDNA cards,
 * roughly (chipsandcheese.com, "Measuring GPU memory latency", 2021, for RDNA2).
 */
export const fitted = {
  /** Barriers and the first reads of workgroup memory, of an iteration. */
  slice: 162e-9,
  /** Beginning and end of a dispatch among others. */
  launch: 4.5e-6,
  exposed: 110e-9,
  /** The part of the smaller of throughput and latency that adds to the larger. */
  mix: 0.308,
};

/** `launch` of a dispatch that follows one like it: its code and its weights are at hand. */
export const repeated = { ...fitted, launch: 2.07e-6 };

/**
 * Predicts the time of a dispatch. The busiest unit gets `workgroups / units` of them, rounded up,
 * and runs as many at a time as it has room for. An iteration of those takes as long as their
 * instructions need to be issued, or as one wave needs alone with its latencies, whichever is
 * longer, and a part of the shorter. Loads and memory run beside it.
 */
export function dispatchTime(work: DispatchWork, machine: Machine, by = fitted): DispatchTime {
  const perUnit = Math.ceil(work.workgroups / machine.units);
  const resident = Math.max(1, Math.min(perUnit, work.groupsPerUnit));
  const rounds = Math.floor(perUnit / resident);
  const computeMs =
    rounds * roundMs(work, machine, resident, by) + roundMs(work, machine, perUnit % resident, by);
  const loadMs = (1000 * perUnit * work.loadedBytes) / machine.loadRate / machine.hertz;
  const memoryMs =
    1000 * (work.memoryBytes / machine.memoryRate + work.cachedBytes / machine.cacheRate);
  const launchMs = 1000 * by.launch;
  const parts = { compute: computeMs, loads: loadMs, memory: memoryMs, launch: launchMs };
  const limit = (Object.keys(parts) as (keyof typeof parts)[]).reduce((a, b) =>
    parts[b] > parts[a] ? b : a,
  );
  const predictedMs = Math.max(computeMs, loadMs, memoryMs) + launchMs;
  return { computeMs, loadMs, memoryMs, launchMs, predictedMs, limit };
}

/** Milliseconds that a unit takes for some workgroups side by side. */
function roundMs(
  { code, iterations, wavesPerGroup }: DispatchWork,
  m: Machine,
  groups: number,
  by: typeof fitted,
): number {
  if (groups === 0) return 0;
  const waves = Math.max(1, (groups * wavesPerGroup) / m.simds);
  const { vectorClocks, sharedClocks, exposedWaits, outsideClocks } = code;
  // Compiled code counts the share of one of two SIMDs, at 128 bytes a clock for both.
  const shared = (sharedClocks * m.simds * 64) / m.sharedRate;
  const alone = Math.max(vectorClocks, shared) / m.hertz;
  const latency = (iterations > 0 ? by.slice : 0) + exposedWaits * by.exposed;
  const throughput = waves * alone;
  const one = alone + latency;
  const slice = Math.max(throughput, one) + by.mix * Math.min(throughput, one);
  const outside = (waves * outsideClocks) / m.hertz;
  return 1000 * (iterations * slice + outside);
}
