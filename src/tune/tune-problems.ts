import type { Gpu } from "../gpu/index.ts";
import type { TypedGraph } from "../graph/index.ts";
import type { DeviceTraits } from "../kernels/kernel.ts";
import { type NodeProblem, problemsOf } from "../session/plan.ts";
import { estimateWork } from "../session/work.ts";
import { problemKey } from "../tunings/problem-key.ts";
import type { Tuning } from "../tunings/tuning.ts";
import { type ProblemResult, tuneProblem } from "./tune-problem.ts";

/** A problem of a network, and how many nodes pose it. */
export interface SharedProblem extends NodeProblem {
  readonly key: string;
  readonly nodes: number;
}

/** The different problems of a graph that has been optimized, the most work first. */
export function problemsOfModel(graph: TypedGraph, device: DeviceTraits): SharedProblem[] {
  const byKey = new Map<string, SharedProblem>();
  for (const problem of problemsOf(graph)) {
    const key = problemKey(problem.problem, device);
    const nodes = (byKey.get(key)?.nodes ?? 0) + 1;
    byKey.set(key, { ...problem, key, nodes });
  }
  const work = ({ problem, nodes }: SharedProblem) => nodes * estimateWork(problem);
  return [...byKey.values()].sort((a, b) => work(b) - work(a));
}

/** One step of tuning a network. */
export interface TuneProgress {
  /** Which of how many problems, and which of how many candidates for it. */
  readonly problem: number;
  readonly problems: number;
  readonly node: string;
  readonly candidate: number;
  readonly candidates: number;
  /** How many times as fast the problems are that are done. */
  readonly gain: number;
}

export interface TuneOptions {
  /** What kernels may use of the device; left out: all that it has. */
  readonly traits?: DeviceTraits;
  /** Milliseconds for all problems together. */
  readonly budgetMs: number;
  readonly onProgress?: (progress: TuneProgress) => void;
  /** Called as soon as a problem is done, with what is to be stored, if anything. */
  readonly onResult?: (result: TunedProblem, tuning: Tuning | undefined) => Promise<void>;
}

/** A problem with what came of it; without a result where the time was over. */
export interface TunedProblem extends SharedProblem {
  readonly result?: ProblemResult;
}

/** No problem may take more than so many times its share of the time that is left. */
const shareMax = 3;

/**
 * Searches the fastest kernels for each of the problems, in order, until the time is over. Time
 * that one does not need is left to those after it. Throws "device-lost".
 */
export async function tuneProblems(
  gpu: Gpu,
  problems: readonly SharedProblem[],
  { traits = gpu.traits, budgetMs, onProgress, onResult }: TuneOptions,
): Promise<TunedProblem[]> {
  const end = performance.now() + budgetMs;
  const done: TunedProblem[] = [];
  for (const [i, problem] of problems.entries()) {
    const leftMs = end - performance.now();
    if (leftMs <= 0) {
      done.push(problem);
      continue;
    }
    const shareMs = (shareMax * leftMs) / (problems.length - i);
    const result = await tuneProblem(gpu, problem, {
      traits,
      budgetMs: Math.min(leftMs, shareMs),
      onCandidate: (candidate, candidates) =>
        onProgress?.({
          ...{ problem: i, problems: problems.length, node: problem.node.name },
          ...{ candidate, candidates, gain: gainOf(done) },
        }),
    });
    const tuned = { ...problem, result };
    done.push(tuned);
    await onResult?.(tuned, tuningOf(tuned));
  }
  return done;
}

function gainOf(done: readonly TunedProblem[]): number {
  let [before, after] = [0, 0];
  for (const { result, nodes } of done) {
    if (!result?.best || !result.default) continue;
    before += nodes * result.default.timeMs;
    after += nodes * result.best.timeMs;
  }
  return after > 0 ? before / after : 1;
}

/** What is stored of a result; nothing where there was nothing to choose. */
export function tuningOf({ key, result }: TunedProblem): Tuning | undefined {
  if (!result?.best) return undefined;
  const { best, default: first } = result;
  return {
    problem: key,
    kernel: best.kernel.name,
    config: best.config,
    wgsl: best.wgsl,
    timeMs: best.timeMs,
    defaultMs: first?.timeMs ?? best.timeMs,
    tunedAt: new Date().toISOString(),
  };
}
