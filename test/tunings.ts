import type { Tuning, Tunings } from "../src/tunings/tuning.ts";

/** A tuning that belongs to no kernel: for what stores and moves tunings. */
export const someTuning = (problem: string, more: Partial<Tuning> = {}): Tuning => ({
  problem,
  kernel: "conv-gemm",
  config: { tileM: 64, unroll: true },
  wgsl: "0123456789abcdef",
  timeMs: 1,
  defaultMs: 2,
  tunedAt: "2026-11-21T20:00:00.000Z",
  ...more,
});

/** Tunings of one device. */
export const tuningsFor = (
  adapter: string,
  driver: string,
  ...tunings: readonly Tuning[]
): Tunings => ({
  format: "rekindle-tunings",
  version: 1,
  devices: [{ adapter, driver, tunings }],
});
