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

/** Samples that one kind of run takes in a row. */
const turn = 5;

/**
 * Times runs against each other by the wall clock: all are warmed up, then take turns of a few
 * runs, so that a change of clocks meets all alike. The first run of a turn does not count: a GPU
 * that has worked for somebody else takes longer, which is not what users of one engine see.
 * What a run resolves to counts as its milliseconds where it is a number.
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
  const kinds = runs.map((run) => ({ run, times: [] as number[], spent: 0 }));
  const wanted = ({ times, spent }: (typeof kinds)[number]) =>
    times.length < Math.min(samples, samplesMin) || (times.length < samples && spent <= budgetMs);
  while (kinds.some(wanted)) {
    for (const kind of kinds.filter(wanted)) {
      await kind.run();
      for (let i = 0; i < turn && wanted(kind); i++) {
        const start = performance.now();
        const told = await kind.run();
        const wall = performance.now() - start;
        kind.spent += wall;
        kind.times.push(typeof told === "number" ? told : wall);
      }
    }
  }
  return kinds.map(({ times }) => spreadOf(times));
}
