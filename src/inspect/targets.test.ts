import { describe, expect, test } from "vitest";
import type { InspectSummary, Part } from "./index.ts";
import { compareTargets, fitOf, formatTarget, parseTarget, processorOf } from "./targets.ts";
import { wouldLoad } from "./would-load.ts";

describe("target IDs", () => {
  test("are read and written", () => {
    const text = "gfx90a:sramecc+:xnack-";
    const target = parseTarget(text)!;
    expect(target).toEqual({ processor: "gfx90a", sramecc: "on", xnack: "off" });
    expect(formatTarget(target)).toBe(text);
    expect(parseTarget("gfx10-1-generic")).toMatchObject({ processor: "gfx10-1-generic" });
    for (const wrong of ["", "rx5600", "gfx1010:foo+", "gfx", "sm_70"]) {
      expect(parseTarget(wrong)).toBeUndefined();
    }
  });

  test("machine numbers", () => {
    expect([0x33, 0x34, 0x35, 0x42, 0x52, 0x3f].map(processorOf)).toEqual([
      "gfx1010",
      "gfx1011",
      "gfx1012",
      "gfx1013",
      "gfx10-1-generic",
      "gfx90a",
    ]);
    expect(processorOf(0x7f)).toBe("mach-0x7f");
  });

  test("are listed by generation", () => {
    const targets = ["gfx1100", "gfx90a", "gfx1010", "gfx803", "gfx942", "gfx906", "gfx1012"];
    expect(targets.sort(compareTargets)).toEqual([
      "gfx803",
      "gfx906",
      "gfx90a",
      "gfx942",
      "gfx1010",
      "gfx1012",
      "gfx1100",
    ]);
  });
});

describe("which code fits which GPU", () => {
  test.each([
    ["gfx1010", "gfx1010", "exact", []],
    ["gfx10-1-generic", "gfx1010", "generic", []],
    ["gfx10-1-generic", "gfx1012", "generic", []],
    ["gfx1010", "gfx1011", "superset", []],
    ["gfx1010", "gfx1012", "superset", []],
    ["gfx1010:xnack-", "gfx1010", "exact", []],
    ["gfx90a:xnack+", "gfx90a", "exact", ["xnack+"]],
    ["gfx90a:sramecc+", "gfx90a:sramecc+:xnack-", "exact", []],
    ["gfx90a", "gfx90a:sramecc+:xnack-", "exact", []],
    ["gfx9-4-generic", "gfx942", "generic", []],
  ])("%s on %s: %s", (code, gpu, match, needs) => {
    expect(fitOf(code, gpu)).toEqual({ match, needs });
  });

  test.each([
    ["gfx1030", "gfx1010"],
    ["gfx10-3-generic", "gfx1010"],
    ["gfx1012", "gfx1010"],
    ["gfx1011", "gfx1012"],
    ["gfx1010", "gfx1013"],
    ["gfx1010:xnack+", "gfx1010"],
    ["gfx90a:xnack+", "gfx90a:xnack-"],
    ["amdgcnspirv", "gfx1010"],
  ])("%s not on %s", (code, gpu) => {
    expect(fitOf(code, gpu)).toBeUndefined();
  });
});

describe("the answer for all parts", () => {
  const part = (targets: string[], complete = true): Part => ({
    path: `lib-${targets.join()}.so`,
    place: "fatbin",
    targets,
    complete,
  });
  const summary = (...parts: Part[]): InspectSummary => ({
    files: parts.length,
    bytes: 0,
    unknownFiles: 0,
    targets: [],
    parts,
    pythonPackages: [],
    problems: [],
  });

  test.each([
    ["yes", [part(["gfx1010"]), part(["gfx10-1-generic"])]],
    ["partly", [part(["gfx1010"]), part(["gfx1030"])]],
    ["no", [part(["gfx1030"]), part(["gfx900"])]],
    ["unknown", [part(["gfx1030"], false)]],
    ["yes", [part(["gfx1010"], false)]],
    ["no", []],
  ] as const)("%s", (answer, parts) => {
    expect(wouldLoad(summary(...parts), "gfx1010").answer).toBe(answer);
  });

  test("names the condition of a superset", () => {
    const { answer, why } = wouldLoad(summary(part(["gfx1010"])), "gfx1012");
    expect(answer).toBe("conditional");
    expect(why).toContain("HSA_OVERRIDE_GFX_VERSION=10.1.0");
  });

  test("says what is there in place of what is missing", () => {
    const { parts } = wouldLoad(summary(part(["gfx900", "gfx1030"])), "gfx1010");
    expect(parts[0]).toMatchObject({
      match: "missing",
      why: expect.stringMatching(/gfx900, gfx1030/),
    });
  });
});
