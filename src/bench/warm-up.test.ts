import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Timer } from "./timer.ts";
import { warmUp } from "./warm-up.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const piece = { encode: () => {} };

/** Warms up for 500 ms on a GPU that takes `msAt` for a submission; gives how long that took. */
async function lengthOf(msAt: (now: number) => number, pieces = [piece]): Promise<number> {
  const start = performance.now();
  const measure = async () => {
    const ms = msAt(performance.now() - start);
    vi.advanceTimersByTime(ms);
    return ms;
  };
  const timer: Timer = { source: "timestamps", measure, destroy() {} };
  const times = pieces.map(() => 1);
  await warmUp(timer, pieces, times, 500);
  return performance.now() - start;
}

test("a steady GPU is warm when the time is over", async () => {
  const ms = await lengthOf(() => 20);
  expect(ms).toBeGreaterThanOrEqual(500);
  expect(ms).toBeLessThan(700);
});

test("one that still raises its clocks is waited for", async () => {
  const ms = await lengthOf((now) => (now < 420 ? 40 : now < 700 ? 30 : 20));
  expect(ms).toBeGreaterThan(850);
  expect(ms).toBeLessThan(1200);
});

test("one that never settles is left after six times as long", async () => {
  const ms = await lengthOf((now) => 40 / (1 + now / 100));
  expect(ms).toBeGreaterThanOrEqual(3000);
  expect(ms).toBeLessThan(3100);
});

test("several pieces take turns, and nothing to do is over at once", async () => {
  let issued = 0;
  const counted = { encode: () => void issued++ };
  const measured: number[] = [];
  const timer: Timer = {
    source: "wall",
    async measure(encode) {
      encode(undefined as unknown as GPUComputePassEncoder);
      vi.advanceTimersByTime(10);
      measured.push(issued);
      return 10;
    },
    destroy() {},
  };
  await warmUp(timer, [counted, piece], [1, 1], 100);
  expect(Math.abs(issued - measured.length / 2)).toBeLessThanOrEqual(1);
  await warmUp(timer, [counted], [1], 0);
  const before = issued;
  await warmUp(timer, [], [], 500);
  expect(issued).toBe(before);
});
