import { expect, test } from "vitest";
import { addError, noError, problemWith } from "./error-sum.ts";

/** What is wrong with `actual` where all of `expected` is known. */
function judge(actual: readonly number[], expected: readonly number[], tolerance = 1e-4) {
  const sum = noError();
  actual.forEach((value, i) => void addError(sum, value, expected[i]!));
  return problemWith(sum, tolerance);
}

const thousand = Array.from({ length: 1000 }, (_, i) => Math.sin(i));
const changed = (at: number, by: number) => thousand.map((v, i) => (i === at ? v + by : v));

test("equal numbers, and those that rounding explains", () => {
  expect(judge(thousand, thousand)).toBeUndefined();
  expect(judge(thousand.map(Math.fround), thousand)).toBeUndefined();
  expect(
    judge([0, Number.NaN, Number.POSITIVE_INFINITY], [0, Number.NaN, Number.POSITIVE_INFINITY]),
  ).toBeUndefined();
});

test("all a little wrong", () => {
  expect(
    judge(
      thousand.map((v) => v * 1.001),
      thousand,
    ),
  ).toBe("relative error 0.0010, allowed 0.0001");
});

test("one element wrong, by less than shows in the average", () => {
  expect(judge(changed(7, 0.0015), thousand)).toBeUndefined();
  expect(judge(changed(7, 0.0022), thousand)).toBe("one element is 0.0022 off, allowed 0.0021");
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])("%s where a number is expected", (value) => {
  expect(judge(changed(3, value), thousand)).toBe("NaN or not written: 1 of 1000 elements");
  expect(judge([1, 2], [1, value])).toBe("NaN or not written: 1 of 2 elements");
});

test("where zeros are expected, the error counts as it is", () => {
  expect(judge([0, 1e-6], [0, 0])).toBeUndefined();
  expect(judge([0, 1e-3], [0, 0])).toMatch(/^relative error/);
});
