import type { Timeable, Timer } from "./timer.ts";

/** How long the rate is watched before it is compared with the rate before. */
const windowMs = 150;

/** The work is warm when a window is at most this much faster than the fastest one so far. */
const gainMin = 1.02;

/** The warm-up lasts at most this many times as long as was asked for. */
const lengthsMax = 6;

/**
 * Works for `warmUpMs`, each piece `times` over in a submission, and on while the GPU still gets
 * faster: one that was idle may take a second to raise its clocks, and is half as fast until then.
 * Returns at once where `warmUpMs` is 0.
 */
export async function warmUp(
  timer: Timer,
  pieces: readonly Timeable[],
  times: readonly number[],
  warmUpMs: number,
): Promise<void> {
  if (pieces.length === 0) return;
  const start = performance.now();
  const isOver = (ms: number) => performance.now() - start >= ms;
  let fastest = Number.POSITIVE_INFINITY;
  for (;;) {
    const windowStart = performance.now();
    let [ms, rounds] = [0, 0];
    do {
      for (const [i, piece] of pieces.entries()) {
        if (isOver(lengthsMax * warmUpMs)) return;
        ms += await timer.measure((pass) => piece.encode(pass, times[i]!));
      }
      rounds++;
    } while (performance.now() - windowStart < Math.min(windowMs, warmUpMs));
    const isFaster = ms / rounds < fastest / gainMin;
    fastest = Math.min(fastest, ms / rounds);
    if (isOver(warmUpMs) && !isFaster) return;
  }
}
