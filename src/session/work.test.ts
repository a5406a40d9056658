import { expect, test } from "vitest";
import { readyCase } from "../../test/cases.ts";
import { random, weight } from "../ops/case.ts";
import { ops } from "../ops/index.ts";
import { chunksOf, estimateWork } from "./work.ts";

test("a convolution counts its multiplications and additions", () => {
  const { problem } = readyCase(ops.get("Conv")!, {
    name: "3x3",
    inputs: [random([1, 16, 10, 10]), weight([32, 16, 3, 3])],
  });
  const flop = 2 * 32 * 8 * 8 * 16 * 9;
  const elements = 16 * 100 + 32 * 16 * 9 + 32 * 64;
  expect(estimateWork(problem)).toBe(flop + elements);
});

test("chunks keep the order and stay within the budget", () => {
  const items = [5, 5, 1, 20, 1, 1, 1, 1].map((work) => ({ work }));
  const chunks = chunksOf(items, { work: 10, dispatches: 3 });
  expect(chunks.map((c) => c.map((i) => i.work))).toEqual([[5, 5], [1], [20], [1, 1, 1], [1]]);
  expect(chunksOf([], { work: 1, dispatches: 1 })).toEqual([]);
});
