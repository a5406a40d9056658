import { expect, test } from "vitest";
import { normalNumbers } from "./normal.ts";

const lengths = [1, 2, 1001, 6];

test("draws are the same in whatever order they are computed", () => {
  const inOrder = normalNumbers(7);
  const expected = lengths.map((length) => inOrder(length, 0.5)());
  const late = normalNumbers(7);
  const draws = lengths.map((length) => late(length, 0.5));
  expect(draws.reverse().map((draw) => draw())).toEqual([...expected].reverse());
});

test("no two draws and no two seeds give the same numbers", () => {
  const draw = normalNumbers(7);
  const [a, b] = [draw(100, 1)(), draw(100, 1)()];
  const c = normalNumbers(8)(100, 1)();
  for (const [x, y] of [
    [a, b],
    [a, c],
    [b, c],
  ] as const) {
    expect(x.filter((v, i) => v === y[i]).length).toBeLessThan(3);
  }
});

test("they have the deviation that was asked for, and mean 0", () => {
  const numbers = normalNumbers(1)(100_000, 0.5)();
  const mean = numbers.reduce((sum, v) => sum + v, 0) / numbers.length;
  const variance = numbers.reduce((sum, v) => sum + (v - mean) ** 2, 0) / numbers.length;
  expect(Math.abs(mean)).toBeLessThan(0.01);
  expect(Math.sqrt(variance)).toBeCloseTo(0.5, 2);
});
