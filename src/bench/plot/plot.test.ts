import sharp from "sharp";
import { expect, test } from "vitest";
import type { BenchReport } from "../report.ts";
import { freeLabels } from "./free-labels.ts";
import { plotReport } from "./page.ts";

const spread = (median: number) =>
  ({ count: 5, median, low: median, high: median, kind: "min..max" }) as const;

const check = { relativeL2: 1e-7, elements: 10, elementsTotal: 10 };
const measured = { precision: "f32", check, clock: "timestamps", repeats: 1, config: {} } as const;

const conv = (name: string, ms: number, speedUp: number) =>
  ({
    ...measured,
    ...{ name, batch: 1, flop: 1e9, bytes: 1e7, kernel: "conv-gemm", boundMs: 0.4 },
    onDeviceMs: spread(ms),
    ...{ teraflopPerSecond: 1 / ms, gigabytesPerSecond: 10 / ms, ofRoofline: 0.4 / ms },
    comparisons: [
      {
        title: "cuDNN <1>",
        machine: "a machine",
        measure: "on device",
        how: "fast",
        otherMs: ms * speedUp,
        ownMs: ms,
        speedUp,
      },
    ],
  }) as const;

const report: BenchReport = {
  what: "conv",
  version: "1.2.3",
  measuredAt: "2026-11-21T20:15:00.000Z",
  device: { kind: "software", name: "a <device>", backend: "webgpu", reason: "", driver: "d" },
  precision: "f32",
  roofline: {
    flopPerSecond: { f32: 5e12 },
    bandwidth: [
      { bytes: 1e6, bytesPerSecond: 1e12 },
      { bytes: 1e9, bytesPerSecond: 3e11 },
    ],
  },
  baselines: [],
  convs: [
    conv("c64-56x56-k64-3x3", 0.5, 1.25),
    conv("c64-56x56-k64-1x1", 2, 0.75),
    {
      name: "c9-9x9-k9-9x9",
      batch: 1,
      precision: "f32",
      kind: "refused",
      reason: "too large",
      comparisons: [],
    },
  ],
  models: [],
  notes: ["a note"],
};

test("a page shows every chart, and what has no time", () => {
  const html = plotReport(report, "plot.html");
  expect(html.match(/<svg /g)).toHaveLength(3);
  for (const text of ["c64-56x56-k64-3x3", "c64-56x56-k64-1x1", "1.25", "0.75", "a note"]) {
    expect(html).toContain(text);
  }
  expect(html).toContain("c9-9x9-k9-9x9 has no time: too large");
  expect(html).toContain("A CPU emulates this GPU");
  expect(html).toContain("a &lt;device&gt;");
  expect(html).not.toMatch(/<device>|cuDNN <1>|NaN|undefined|\[object/);
  expect(html).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
});

test("a picture holds all charts below each other, and renders", async () => {
  const svg = plotReport(report, "plot.svg");
  const { width, height } = await sharp(Buffer.from(svg)).metadata();
  expect(width).toBe(980);
  expect(height).toBeGreaterThan(900);
  const { data } = await sharp(Buffer.from(svg)).raw().toBuffer({ resolveWithObject: true });
  expect(new Set(data).size).toBeGreaterThan(50);
});

test("labels that would cover a point or another label are left out", () => {
  const widthOf = (text: string) => 6 * text.length;
  const at = (x: number, y: number) => ({ x, y, text: "name" });
  expect(freeLabels([at(0, 0), at(20, 0), at(0, 40)], 200, widthOf)).toEqual([false, true, true]);
  expect(freeLabels([at(0, 0), at(-8, 12)], 200, widthOf)).toEqual([true, false]);
  expect(freeLabels([at(190, 0)], 200, widthOf)).toEqual([false]);
});
