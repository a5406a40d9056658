import { expect, test } from "vitest";
import { progressReader } from "./progress.ts";
import type { StepProgress } from "./surroundings.ts";

const ninja = "^\\[(?<done>\\d+)/(?<total>\\d+)\\]";

function read(pattern: string | undefined, pieces: readonly [atMs: number, text: string][]) {
  const seen: StepProgress[] = [];
  let now = 0;
  const reader = progressReader(
    pattern,
    (progress) => seen.push(progress),
    () => now,
  );
  for (const [at, text] of pieces) {
    now = at;
    reader(Buffer.from(text));
  }
  return seen;
}

test("the remaining time follows from what was done since the beginning", () => {
  const seen = read(ninja, [
    [0, "[100/300] compile a\n"],
    [10_000, "[150/300] compile b\n"],
    [20_000, "a warning\n[300/300] link\n"],
  ]);
  expect(seen[0]).toEqual({ line: "[100/300] compile a", done: 100, total: 300 });
  // 50 in 10 s, so 150 in 30 s: what a resumed build found done does not count.
  expect(seen[1]!.remainingMs).toBe(30_000);
  expect(seen[2]).toMatchObject({ line: "a warning", done: 150 });
  expect(seen[3]!.remainingMs).toBe(0);
});

test("lines may come in pieces, be overwritten, and have colours", () => {
  const seen = read(undefined, [
    [0, "down"],
    [1, "loading 10%\rdownloading 20%\r\x1b[32mdone\x1b[0m\n\n"],
  ]);
  expect(seen.map(({ line }) => line)).toEqual(["downloading 10%", "downloading 20%", "done"]);
});
