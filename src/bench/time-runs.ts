import { type Spread, spreadOf } from "./statistics.ts";

/** A run of something, from call to completion. It may tell its milliseconds itself. */
export type Run = () => Promise<unknown>;

export interface RunTimingOptions {
  /** Milliseconds of each kind of run before anything counts. */
  readonly warmUpMs: number;
  readonly samples: number;
  /** Milliseconds for all samples of one kind of run; at least three are taken all the same. */
  readonly budgetMs: number;
}

const samplesMin = 3;

/**
 * Times runs against each other by the wall clock: all are warmed up, then take turns, so that a
 * change of clocks meets all alike. What a run resolves to counts as its milliseconds where it is a
 * number.
 */
export async function timeRuns(
  runs: readonly Run[],
  { warmUpMs, samples, budgetMs }: RunTimingOptions,
): Promise<Spread[]> {
  for (const run of runs) {
    const start = performance.now();
    do await run();
    while (performance.now() - start < warmUpMs);
  }
  const times: number[][] = runs.map(() => []);
  const spent = runs.map(() => 0);
  for (let round = 0; round < samples; round++) {
    for (const [i, run] of runs.entries()) {
      if (round >= samplesMin && spent[i]! > budgetMs) continue;
      const start = performance.now();
      const told = await run();
      const wall = performance.now() - start;
      spent[i]! += wall;
      times[i]!.push(typeof told === "number" ? told : wall);
    }
  }
  return times.map(spreadOf);
}
