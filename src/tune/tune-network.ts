import type { Subject } from "../bench/measure-model.ts";
import type { Spread } from "../bench/statistics.ts";
import { timeRuns } from "../bench/time-runs.ts";
import type { Gpu } from "../gpu/index.ts";
import { optimize, resolve } from "../passes/index.ts";
import { type OpenDevice, type Precision, Session } from "../session/index.ts";
import { lookupIn } from "../tunings/lookup.ts";
import { mergeTunings, noTunings } from "../tunings/merge.ts";
import type { Tuning } from "../tunings/tuning.ts";
import {
  problemsOfModel,
  type SharedProblem,
  type TunedProblem,
  type TuneOptions,
  tuneProblems,
  tuningOf,
} from "./tune-problems.ts";

/** A device on which kernels run. */
export type GpuDevice = OpenDevice & { readonly gpu: Gpu };

export interface NetworkOptions extends Omit<TuneOptions, "traits"> {
  readonly precision: Precision;
  /** What is stored for the device; problems that it covers are not searched again. */
  readonly known: readonly Tuning[];
  /** Called when the search is over and the network as a whole is timed. */
  readonly onTiming?: () => void;
}

/** What tuning did for a network. */
export interface TunedNetwork {
  /** The problems that were searched, and those for which there was no time. */
  readonly problems: readonly TunedProblem[];
  /** Problems that a stored tuning covers. */
  readonly covered: readonly SharedProblem[];
  /** What is to be stored. Where the network as a whole became slower, the defaults. */
  readonly tunings: readonly Tuning[];
  /** Milliseconds of a run on the device, without and with all tunings. */
  readonly defaultMs: Spread;
  readonly tunedMs: Spread;
  /** False where new choices made the network slower: what is fast alone may not be in it. */
  readonly isGain: boolean;
}

/** A network that is slower by more than this has lost, beyond what measurements vary by. */
const lossMax = 1.01;

/**
 * Searches the fastest kernels for a network's problems, then times the network with the defaults
 * and with what was found, in turns.
 *
 * Throws what `Session.create` and `Session.run` throw.
 */
export async function tuneNetwork(
  device: GpuDevice,
  { graph, feeds }: Subject,
  options: NetworkOptions,
): Promise<TunedNetwork> {
  const { precision, known } = options;
  const open = (tunings: "off" | readonly Tuning[]) => {
    const source = tunings === "off" ? tunings : tuningsOf(device, tunings);
    return Session.on(device, graph, { precision, tunings: source }, { keepOpen: true });
  };
  const before = await open("off");
  try {
    await before.run(feeds);
    const shapes = new Map(Object.entries(feeds).map(([name, { dims }]) => [name, dims]));
    // As sessions see it.
    const traits = { ...device.gpu.traits, multipliesHalf: precision === "f16" };
    const all = problemsOfModel(optimize(resolve(graph, shapes), { precision }), traits);
    const lookup = lookupIn(known, []);
    const isCovered = ({ kernels, problem }: SharedProblem) =>
      lookup(kernels, problem, traits)?.choice !== undefined;
    const covered = all.filter(isCovered);
    const fresh = all.filter((problem) => !covered.includes(problem));
    const problems = await tuneProblems(device.gpu, fresh, { ...options, traits });
    const tunings = problems.flatMap((problem) => tuningOf(problem) ?? []);
    options.onTiming?.();
    const after = await open([...known, ...tunings]);
    try {
      await after.run(feeds);
      const [defaultMs, tunedMs] = await timeBoth(device, before, after);
      const hasChanged = problems.some(({ result }) => result?.best !== result?.default);
      const isGain = !hasChanged || tunedMs.median <= defaultMs.median * lossMax;
      const kept = isGain ? tunings : problems.flatMap((problem) => defaultOf(problem) ?? []);
      return { problems, covered, tunings: kept, defaultMs, tunedMs, isGain };
    } finally {
      await after.dispose();
    }
  } finally {
    await before.dispose();
  }
}

/** Tunings of one device in the form in which sessions take them. */
export function tuningsOf({ gpu }: GpuDevice, tunings: readonly Tuning[]) {
  const { name: adapter, description: driver } = gpu.info;
  return mergeTunings(noTunings, [{ adapter, driver, tunings }]);
}

async function timeBoth({ summary }: GpuDevice, ...sessions: readonly [Session, Session]) {
  const timing =
    summary.kind === "software"
      ? { warmUpMs: 0, samples: 3, budgetMs: 1000 }
      : { warmUpMs: 300, samples: 30, budgetMs: 2000 };
  const runs = sessions.map((session) => async () => (await session.timeOnDevice(1))?.[0]);
  return (await timeRuns(runs, timing)) as [Spread, Spread];
}

/** The default choice of a problem as a tuning. */
function defaultOf(problem: TunedProblem): Tuning | undefined {
  const { result } = problem;
  if (!result?.default) return tuningOf(problem);
  return tuningOf({ ...problem, result: { ...result, best: result.default } });
}
