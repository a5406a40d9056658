import { describe, expect, test } from "vitest";
import { wantsColor } from "./io.ts";
import { facts, formatBytes, formatMs, significant, table, wrap } from "./text.ts";

describe("numbers", () => {
  test.each([
    [0, "0"],
    [-0.5, "-0.5"],
    [3, "3"],
    [1234.56, "1235"],
    [0.012345, "0.0123"],
    [0.00012, "1.2e-4"],
    [-2.5e7, "-2.5e+7"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "Infinity"],
  ])("%d is %s", (value, expected) => {
    expect(significant(value)).toBe(expected);
  });

  test.each([
    [7.1234, "7.12 ms"],
    [999.4, "999 ms"],
    [999.7, "1 s"],
    [61_000, "1.02 min"],
  ])("%d ms is %s", (value, expected) => {
    expect(formatMs(value)).toBe(expected);
  });

  test.each([
    [0, "0 bytes"],
    [999, "999 bytes"],
    [1500, "1.5 kB"],
    [999_950, "1 MB"],
    [6_442_450_944, "6.44 GB"],
  ])("%d bytes are %s", (value, expected) => {
    expect(formatBytes(value)).toBe(expected);
  });
});

describe("layout", () => {
  test("columns are aligned", () => {
    expect(
      table(
        [
          ["a", "10"],
          ["bcd", "5"],
        ],
        "lr",
      ),
    ).toEqual(["a    10", "bcd   5"]);
  });

  test("texts are wrapped at words", () => {
    expect(wrap("one two three", 8)).toEqual(["one two", "three"]);
    expect(wrap("unbreakable", 4)).toEqual(["unbreakable"]);
    expect(
      facts(
        [
          ["name", "a bb ccc"],
          ["x", "y"],
        ],
        10,
      ),
    ).toEqual(["name  a bb", "      ccc", "x     y"]);
  });
});

test.each([
  ["a terminal", true, {}, true],
  ["a pipe", false, {}, false],
  ["NO_COLOR", true, { NO_COLOR: "1" }, false],
  ["an empty NO_COLOR", true, { NO_COLOR: "" }, true],
  ["FORCE_COLOR", false, { FORCE_COLOR: "1" }, true],
  ["FORCE_COLOR=0", true, { FORCE_COLOR: "0" }, false],
  ["a dumb terminal", true, { TERM: "dumb" }, false],
])("colours on %s: %s", (_, isTerminal, env, expected) => {
  expect(wantsColor(isTerminal, env)).toBe(expected);
});
