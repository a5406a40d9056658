import type { Config } from "../kernels/kernel.ts";
import { estimatedTile, unknownShader } from "./compiled.ts";
import { type DispatchWork, dispatchTime, repeated } from "./dispatch-time.ts";
import type { Machine } from "./machine.ts";

/** A matrix product, or a convolution as one: rows, columns, length of the sum. */
export interface TileProblem {
  readonly M: number;
  readonly N: number;
  readonly depth: number;
  /** Bytes of the inputs, which stay in the last cache between repeats. */
  readonly inputBytes: number;
}

/**
 * Milliseconds that a product in tiles is predicted to take when it is repeated: from the tile's
 * shape alone, without compiled code. For checking the method where many tiles were measured.
 */
export function tileTime(
  problem: TileProblem,
  config: Config,
  machine: Machine,
  by = repeated,
): number {
  const t = config as Readonly<Record<"tileM" | "tileN" | "depth" | "rows" | "cols", number>>;
  const splits = (config.splits as number | undefined) ?? 1;
  const shader = estimatedTile(config, machine);
  const waves = Math.ceil(((t.tileM / t.rows) * (t.tileN / t.cols)) / shader.wave);
  const iterations = Math.ceil(Math.ceil(problem.depth / t.depth) / splits);
  const byWaves = Math.floor((shader.wavesPerSimd * machine.simds) / waves);
  const resultBytes = 4 * problem.M * problem.N;
  const product: DispatchWork = {
    code: shader.code,
    iterations,
    workgroups: Math.ceil(problem.M / t.tileM) * Math.ceil(problem.N / t.tileN) * splits,
    wavesPerGroup: waves,
    groupsPerUnit: Math.max(1, Math.min(byWaves, machine.sharedBytes / shader.sharedBytes)),
    loadedBytes: iterations * t.depth * (t.tileM + t.tileN) * 4,
    memoryBytes: 0,
    cachedBytes: problem.inputBytes + splits * resultBytes,
  };
  const whole = dispatchTime(product, machine, by).predictedMs;
  return splits === 1 ? whole : whole + sumTime(resultBytes, splits, machine, by);
}

/** The dispatch that adds the parts of a split sum up: four columns for each of 64 lanes. */
function sumTime(
  resultBytes: number,
  splits: number,
  machine: Machine,
  by: typeof repeated,
): number {
  const workgroups = Math.ceil(resultBytes / 16 / 64);
  const cachedBytes = resultBytes * (splits + 1);
  const work: DispatchWork = {
    code: unknownShader.code,
    iterations: 0,
    workgroups,
    wavesPerGroup: 2,
    groupsPerUnit: 32,
    loadedBytes: cachedBytes / workgroups,
    memoryBytes: 0,
    cachedBytes,
  };
  return dispatchTime(work, machine, by).predictedMs;
}
