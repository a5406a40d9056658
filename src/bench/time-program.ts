import type { Gpu } from "../gpu/index.ts";
import { type ClockSource, type Timeable, type Timer, timerOf } from "./timer.ts";
import { warmUp } from "./warm-up.ts";

export interface TimingOptions {
  /**
   * Milliseconds of work at least before anything counts: an idle GPU takes so long, or longer, to
   * raise its clocks. 0: none.
   */
  readonly warmUpMs?: number;
  /** Samples of each piece of work. */
  readonly samples?: number;
  /** Milliseconds that a sample should last at least: the work is repeated to fill it. */
  readonly sampleMs?: number;
  /** Milliseconds for the samples of one piece of work; at least three are taken all the same. */
  readonly budgetMs?: number;
  /** Called after every round of samples. */
  readonly onRound?: (done: number, total: number) => void;
}

/** What one piece of work took. */
export interface Timing {
  readonly source: ClockSource;
  /** How often the work was issued for each sample. */
  readonly repeats: number;
  /** Milliseconds of one issue, sample by sample. */
  readonly ms: readonly number[];
}

const defaults = { warmUpMs: 500, samples: 20, budgetMs: 2000 };

/** The wall clock includes about 0.1 ms of submission, which a longer sample makes small. */
const sampleMsBySource = { timestamps: 1, wall: 20 } as const;

/** A single submission must not last long: drivers reset a GPU that seems stuck. */
const submissionMsMax = 100;

/** Work of one submission while warming up. */
const warmUpSubmissionMs = 20;

const samplesMin = 3;
const repeatsMax = 4096;

/**
 * Times pieces of work against each other: each is repeated within a compute pass until a sample
 * is long enough, and samples of all pieces take turns, so that a change of clocks meets all alike.
 * Repeats depend on each other as the layers of a network do: one begins when the last has ended.
 *
 * Throws "device-lost".
 *
 * @example
 * const bound = await BoundProgram.bind(gpu, program, data);
 * const [timing] = await timePrograms(gpu, [bound]);
 * console.log(spreadOf(timing.ms).median);
 */
export async function timePrograms(
  gpu: Gpu,
  pieces: readonly Timeable[],
  options: TimingOptions = {},
): Promise<Timing[]> {
  const { warmUpMs, samples, budgetMs } = { ...defaults, ...options };
  const timer = timerOf(gpu);
  const sampleMs = options.sampleMs ?? sampleMsBySource[timer.source];
  try {
    let repeats = await repeatsForAll(timer, pieces, sampleMs);
    if (warmUpMs > 0) {
      await warmUp(timer, pieces, repeats.map(timesToWarmUp), warmUpMs);
      repeats = await repeatsForAll(timer, pieces, sampleMs);
    }
    const ms: number[][] = pieces.map(() => []);
    const spent = pieces.map(() => 0);
    for (let round = 0; round < samples; round++) {
      for (const [i, piece] of pieces.entries()) {
        if (round >= samplesMin && spent[i]! > budgetMs) continue;
        const sample = await timer.measure((pass) => piece.encode(pass, repeats[i]!.count));
        spent[i]! += sample;
        ms[i]!.push(sample / repeats[i]!.count);
      }
      options.onRound?.(round + 1, samples);
    }
    return pieces.map((_, i) => ({ source: timer.source, repeats: repeats[i]!.count, ms: ms[i]! }));
  } finally {
    timer.destroy();
  }
}

/** How often work is issued for a sample, and how long that took. */
interface Repeats {
  readonly count: number;
  readonly ms: number;
}

/** Long submissions keep the GPU from being idle in between. */
const timesToWarmUp = ({ count, ms }: Repeats): number =>
  Math.min(repeatsMax, count * Math.max(1, Math.floor(warmUpSubmissionMs / ms)));

async function repeatsForAll(timer: Timer, pieces: readonly Timeable[], sampleMs: number) {
  const repeats: Repeats[] = [];
  for (const piece of pieces) repeats.push(await repeatsFor(timer, piece, sampleMs));
  return repeats;
}

/** How often a piece of work must be issued to last `sampleMs`; the first issue does not count. */
async function repeatsFor(timer: Timer, piece: Timeable, sampleMs: number): Promise<Repeats> {
  await timer.measure((pass) => piece.encode(pass, 1));
  let count = 1;
  for (;;) {
    const ms = Math.max(1e-3, await timer.measure((pass) => piece.encode(pass, count)));
    if (ms >= sampleMs || count >= repeatsMax) return { count, ms };
    const wanted = Math.ceil((1.2 * sampleMs * count) / ms);
    const safe = Math.floor((submissionMsMax * count) / ms);
    // A clock that is slow to start, or too coarse, is asked again rather than trusted at once.
    const next = Math.min(wanted, safe, 8 * count, repeatsMax);
    if (next <= count) return { count, ms };
    count = next;
  }
}
