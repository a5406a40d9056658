import { tolerances } from "../bench/relative-error.ts";
import { spreadOf } from "../bench/statistics.ts";
import { timePrograms } from "../bench/time-program.ts";
import { type Timer, timerOf } from "../bench/timer.ts";
import { RekindleError } from "../errors.ts";
import { BoundProgram, type Gpu, ProgramMemory } from "../gpu/index.ts";
import type { DeviceTraits } from "../kernels/kernel.ts";
import type { NodeProblem } from "../session/plan.ts";
import type { Choice } from "../tunings/tuning.ts";
import { type Candidate, candidatesFor } from "./candidates.ts";
import { expectedOf } from "./expected.ts";
import { Judge } from "./judge.ts";
import { problemData } from "./problem-data.ts";

/** A candidate whose result was wrong, or that the driver did not take. */
export interface Rejected extends Choice {
  /** One sentence. */
  readonly why: string;
}

/** What came of the search for one problem. */
export interface ProblemResult {
  /** The fastest, with its milliseconds; undefined where `untuned` says why. */
  readonly best?: Candidate & { readonly timeMs: number };
  /** What is taken without tunings, and its milliseconds. */
  readonly default?: Candidate & { readonly timeMs: number };
  /** Why there is nothing to choose: one sentence. */
  readonly untuned?: string;
  readonly candidates: number;
  readonly measured: number;
  readonly rejected: readonly Rejected[];
  /** What is taken without tunings gives wrong numbers: a fault of a kernel or of the driver. */
  readonly isDefaultWrong: boolean;
}

export interface SearchOptions {
  /** What kernels may use of the device; left out: all that it has. */
  readonly traits?: DeviceTraits;
  /** Milliseconds for the search; what is begun is finished. */
  readonly budgetMs: number;
  /** Called before each candidate. */
  readonly onCandidate?: (done: number, total: number) => void;
  /** The candidates, the default first; left out: all that the kernels declare. */
  readonly candidates?: readonly Candidate[];
}

/** A candidate is given up after one run that takes so many times as long as the best so far. */
const hopeless = 2;

/** Those within this factor of the best are measured against each other at the end. */
const close = 1.08;

/** Finalists at most, the default among them. */
const finalistsMax = 4;

/** What the fastest must gain over the default, beyond what measurements vary by. */
const gainMin = 1.02;

/** So many candidates in a row without a gain end the search: the best guesses come first. */
const patience = 24;

/** Shaders that compile while others are measured. */
const compileAhead = 12;

/**
 * Finds the fastest way to compute a problem: every candidate is checked against the reference,
 * then timed, and given up early where it is slow; the fastest few and the default are at last
 * timed in turns. Throws "device-lost".
 */
export async function tuneProblem(
  gpu: Gpu,
  problem: NodeProblem,
  options: SearchOptions,
): Promise<ProblemResult> {
  const candidates = options.candidates ?? candidatesFor(problem, options.traits ?? gpu.traits);
  const none = { candidates: candidates.length, measured: 0, rejected: [], isDefaultWrong: false };
  if (candidates.length < 2) return { ...none, untuned: "there is one way to compute it" };
  const data = problemData(problem);
  const expected = expectedOf(problem, data);
  if (typeof expected === "string") return { ...none, untuned: expected };
  const types = [...problem.problem.inputs, ...problem.problem.outputs];
  const isHalf = types.some((type) => type?.dtype === "float16");
  const tolerance = tolerances[isHalf ? "f16" : "f32"];
  const held: { destroy(): void }[] = [];
  const hold = <T extends { destroy(): void }>(made: T): T => {
    held.unshift(made);
    return made;
  };
  try {
    const search = await gpu.checked("the numbers of a problem", () => {
      const memory = hold(new ProgramMemory(gpu, data));
      const judge = hold(new Judge(gpu, memory, expected, tolerance));
      return hold(new Search(gpu, memory, judge, candidates));
    });
    await search.run(options);
    return await search.result();
  } catch (error) {
    if (!(error instanceof RekindleError) || error.code !== "device-limit") throw error;
    return { ...none, untuned: error.message };
  } finally {
    for (const one of held) one.destroy();
  }
}

/** A candidate that is right, with the least time of a few runs. */
interface Measured {
  readonly candidate: Candidate;
  readonly program: BoundProgram;
  readonly timeMs: number;
}

class Search {
  private readonly gpu: Gpu;
  private readonly memory: ProgramMemory;
  private readonly judge: Judge;
  private readonly candidates: readonly Candidate[];
  private readonly timer: Timer;
  private readonly rejected: Rejected[] = [];
  /** The fastest so far, and the default where it is right; fastest first. */
  private finalists: Measured[] = [];
  private measured = 0;
  private isDefaultWrong = false;
  /** The least time of a single run: what a single run of another is compared with. */
  private leastOnce = Number.POSITIVE_INFINITY;

  constructor(gpu: Gpu, memory: ProgramMemory, judge: Judge, candidates: readonly Candidate[]) {
    this.gpu = gpu;
    this.memory = memory;
    this.judge = judge;
    this.candidates = candidates;
    this.timer = timerOf(gpu);
  }

  async run({ budgetMs, onCandidate }: SearchOptions): Promise<void> {
    const end = performance.now() + budgetMs;
    let since = 0;
    for (const [i, candidate] of this.candidates.entries()) {
      if (i > 0 && (performance.now() > end || since >= patience)) return;
      onCandidate?.(i, this.candidates.length);
      for (const next of this.candidates.slice(i, i + compileAhead)) this.compile(next);
      since = (await this.tryOne(candidate)) ? 0 : since + 1;
    }
  }

  /** Starts compiling; where that fails, binding the program tells why. */
  private compile({ program }: Candidate): void {
    for (const { wgsl, label } of program.dispatches)
      this.gpu.pipeline(wgsl, label).catch(() => {});
  }

  /** Whether the candidate is right and faster than all before it. */
  private async tryOne(candidate: Candidate): Promise<boolean> {
    let program: BoundProgram | undefined;
    let keeps = false;
    try {
      program = await BoundProgram.bind(this.gpu, candidate.program, this.memory);
      const wrong = await this.judge.check(program);
      if (wrong !== undefined) {
        this.rejected.push({ ...candidate, why: wrong });
        this.isDefaultWrong ||= candidate === this.candidates[0];
        return false;
      }
      const best = this.finalists[0]?.timeMs ?? Number.POSITIVE_INFINITY;
      const timeMs = await this.quickTime(program, best);
      this.measured++;
      keeps = timeMs <= best * close || candidate === this.candidates[0];
      if (keeps) this.keep({ candidate, program, timeMs });
      return timeMs < best;
    } catch (error) {
      if (!(error instanceof RekindleError) || error.code === "device-lost") throw error;
      this.rejected.push({ ...candidate, why: error.message });
      return false;
    } finally {
      if (!keeps) program?.destroy();
    }
  }

  /** The least time of a few samples; fewer where the first ones show it to be slow. */
  private async quickTime(program: BoundProgram, best: number): Promise<number> {
    const once = await this.timer.measure((pass) => program.encode(pass, 1));
    if (once > hopeless * this.leastOnce) return once;
    this.leastOnce = Math.min(this.leastOnce, once);
    const repeats = Math.ceil(sampleMs[this.timer.source] / Math.max(once, 1e-3));
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < quickSamples; i++) {
      const ms = await this.timer.measure((pass) => program.encode(pass, repeats));
      least = Math.min(least, ms / repeats);
      if (least > hopeless * best) break;
    }
    return least;
  }

  private keep(measured: Measured): void {
    const all = [...this.finalists, measured].sort((a, b) => a.timeMs - b.timeMs);
    const limit = all[0]!.timeMs * close;
    const isDefault = (m: Measured) => m.candidate === this.candidates[0];
    const others = all.filter((m) => !isDefault(m) && m.timeMs <= limit);
    const kept = new Set([...all.filter(isDefault), ...others.slice(0, finalistsMax - 1)]);
    for (const m of all) if (!kept.has(m)) m.program.destroy();
    this.finalists = all.filter((m) => kept.has(m));
  }

  /** Times the finalists in turns and names the fastest. */
  async result(): Promise<ProblemResult> {
    const { measured, rejected, isDefaultWrong } = this;
    const common = { candidates: this.candidates.length, measured, rejected, isDefaultWrong };
    if (this.finalists.length === 0) {
      return { ...common, untuned: `no candidate is right: ${rejected[0]!.why}` };
    }
    const times = await this.finalTimes();
    const timed = this.finalists.map(({ candidate }, i) => ({ ...candidate, timeMs: times[i]! }));
    const first = timed[this.finalists.findIndex((m) => m.candidate === this.candidates[0])];
    const fastest = timed.reduce((a, b) => (b.timeMs < a.timeMs ? b : a));
    const best = first && first.timeMs < fastest.timeMs * gainMin ? first : fastest;
    return { ...common, best, ...(first && { default: first }) };
  }

  private async finalTimes(): Promise<number[]> {
    const [first, ...others] = this.finalists;
    if (others.length === 0) return [first!.timeMs];
    const programs = this.finalists.map((m) => m.program);
    const timings = await timePrograms(this.gpu, programs, finalTiming);
    return timings.map(({ ms }) => spreadOf(ms).median);
  }

  destroy(): void {
    for (const { program } of this.finalists) program.destroy();
    this.timer.destroy();
  }
}

/** Milliseconds that a sample of the search lasts; the wall clock includes the submission. */
const sampleMs = { timestamps: 1, wall: 10 } as const;
const quickSamples = 3;

/** The GPU is busy already when the finalists are timed. */
const finalTiming = { warmUpMs: 20, samples: 9, budgetMs: 200 } as const;
