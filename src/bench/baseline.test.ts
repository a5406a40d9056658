import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Baseline, comparedWithBaseline, parseBaseline } from "./baseline.ts";

const time = (changes: Partial<Baseline["times"][number]> = {}) => ({
  what: "conv" as const,
  name: "c64-56x56-k64-3x3",
  batch: 8,
  precision: "f32" as const,
  measure: "on device" as const,
  how: "channels first",
  ms: { median: 2 },
  ...changes,
});

const baseline: Baseline = {
  format: "rekindle-baseline",
  version: 1,
  title: "cuDNN",
  machine: "a machine",
  software: "some software",
  command: "a command",
  date: "2026-11-21",
  times: [
    time(),
    time({ how: "channels last", ms: { median: 1.5 } }),
    time({ batch: 1, ms: { median: 0.1 } }),
    time({ what: "model", name: "resnet18", size: [224, 224], ms: { median: 3 } }),
  ],
};

const own = { what: "conv", name: "c64-56x56-k64-3x3", batch: 8, precision: "f32" } as const;

describe("comparing", () => {
  test("with the fastest way of the same thing", () => {
    expect(comparedWithBaseline(baseline, { ...own, ms: { "on device": 0.5 } })).toEqual([
      {
        title: "cuDNN",
        machine: "a machine",
        measure: "on device",
        how: "channels last",
        otherMs: 1.5,
        ownMs: 0.5,
        speedUp: 3,
      },
    ]);
  });

  test.each([
    ["another batch", { batch: 2 }],
    ["another precision", { precision: "f16" as const }],
    ["another name", { name: "c64-56x56-k64-1x1" }],
    ["whole runs with the work on the device", { ms: { whole: 1 } }],
    ["another size of picture", { what: "model" as const, name: "resnet18", size: [64, 64] }],
  ])("not %s", (_, changes) => {
    const measured = { ...own, ms: { "on device": 1 }, ...changes };
    expect(comparedWithBaseline(baseline, measured)).toEqual([]);
  });
});

describe("reading", () => {
  test("what was written", () => {
    expect(parseBaseline(JSON.stringify(baseline), "b.json")).toEqual(baseline);
  });

  test.each([
    ["{", /b\.json holds no baseline: it is no JSON/],
    ["{}", /at format/],
    [
      JSON.stringify({ ...baseline, times: [time({ ms: { median: -1 } })] }),
      /times\.0\.ms\.median/,
    ],
    [JSON.stringify({ ...baseline, machine: "" }), /at machine/],
  ])("damage is told: %s", (text, message) => {
    expect(() => parseBaseline(text, "b.json")).toThrow(
      expect.objectContaining({ code: "file-invalid", message: expect.stringMatching(message) }),
    );
  });

  const folder = new URL("../../bench/baselines/", import.meta.url);
  test.each(readdirSync(folder))("%s", (name) => {
    const { times } = parseBaseline(readFileSync(new URL(name, folder), "utf8"), name);
    expect(times.length).toBeGreaterThan(0);
  });
});
