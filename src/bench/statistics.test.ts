import { describe, expect, test } from "vitest";
import { spreadOf } from "./statistics.ts";

describe("spread", () => {
  test("few values: smallest to largest", () => {
    expect(spreadOf([3, 1, 2, 10])).toEqual({
      count: 4,
      median: 2.5,
      low: 1,
      high: 10,
      kind: "min..max",
    });
  });

  test("ten values and more: tenth to ninetieth percentile", () => {
    const values = Array.from({ length: 11 }, (_, i) => 10 - i);
    expect(spreadOf(values)).toEqual({ count: 11, median: 5, low: 1, high: 9, kind: "p10..p90" });
  });
});
