import { afterEach, expect, test, vi } from "vitest";
import { timeRuns } from "./time-runs.ts";

const timing = { warmUpMs: 0, samples: 7, budgetMs: 1e6 };

afterEach(() => {
  vi.useRealTimers();
});

/** Runs that note who ran, and tell 1000 ms for the first one of a turn, 1 for others. */
function runsOf(names: string) {
  const order: string[] = [];
  const runs = [...names].map((name) => async () => {
    const isFirst = order.at(-1) !== name;
    order.push(name);
    return isFirst ? 1000 : 1;
  });
  return { order, runs };
}

test("kinds of runs take turns, of which the first run does not count", async () => {
  const { order, runs } = runsOf("ab");
  const spreads = await timeRuns(runs, timing);
  expect(order.join("")).toBe("ab" + "aaaaaa" + "bbbbbb" + "aaa" + "bbb");
  for (const { count, high } of spreads) expect([count, high]).toEqual([7, 1]);
});

test("a kind that has spent its time stops, after three samples at least", async () => {
  const { order, runs } = runsOf("ab");
  // A clock that stands still but for the slow runs.
  vi.useFakeTimers({ toFake: ["performance"] });
  const slow = () => {
    vi.advanceTimersByTime(2);
    return runs[0]!();
  };
  const spreads = await timeRuns([slow, runs[1]!], { ...timing, budgetMs: 1 });
  expect(spreads.map(({ count }) => count)).toEqual([3, 7]);
  expect(order.filter((name) => name === "a")).toHaveLength(1 + 4);
});
