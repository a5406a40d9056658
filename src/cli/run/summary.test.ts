import { expect, test } from "vitest";
import type { Session } from "../../session/index.ts";
import type { FeedPlan } from "./feeds.ts";
import { summaryOf, summaryRows } from "./summary.ts";

const stats = {
  loadMs: 12.34,
  optimizeMs: 5,
  compileMs: 1500,
  weightBytes: 102_000_000,
  activationBytes: 20_000_000,
  stagingBytes: 600_000,
  peakBytes: 150_000_000,
  tunings: { used: 0, ignored: [] as string[] },
};
const device = { kind: "gpu", name: "RX 5600 XT", backend: "webgpu", reason: "the first choice" };
const session = { device, precision: "f32", stats } as unknown as Session;
const plan = { batch: 8, runs: 1, unit: "images", summary: ['"x" float32'] } as unknown as FeedPlan;

test("rows of a GPU with repeats, each time in its own unit", () => {
  const times = { first: 2000, later: [900, 1000, 1600], onDevice: [700, 800, 900] };
  expect(summaryRows(summaryOf("net.onnx", session, plan, times))).toEqual([
    ["model", "net.onnx"],
    ["input", '"x" float32'],
    ["device", "RX 5600 XT (gpu): the first choice"],
    ["precision", "f32"],
    ["load", "12.3 ms, optimize 5 ms"],
    ["compile", "1.5 s"],
    ["first run", "2 s, batch of 8"],
    ["3 runs", "median 1 s, min..max 900 ms to 1.6 s; 8 images/s"],
    ["on device", "median 800 ms, min..max 700 ms to 900 ms, without transfers"],
    [
      "memory",
      "123 MB: weights 102 MB, activations 20 MB, transfer 600 kB; at most 150 MB at a time",
    ],
  ]);
});

test("rows without repeats: no speed is claimed from a first run", () => {
  const summary = summaryOf("net.onnx", session, plan, { first: 2, later: [], onDevice: [] });
  expect(summary.perSecond).toBeNull();
  expect(summaryRows(summary).map(([name]) => name)).not.toContain("0 runs");
});

test("what stored tunings are used for, and the first reason where they are not", () => {
  const tunings = { used: 3, ignored: ["another driver", "a changed shader"] };
  const tuned = { ...session, stats: { ...stats, tunings } } as unknown as Session;
  const rows = summaryRows(summaryOf("n", tuned, plan, { first: 2, later: [], onDevice: [] }));
  expect(rows.filter(([name]) => name === "tunings")).toEqual([
    ["tunings", "used for 3 nodes"],
    ["tunings", "not used: another driver, and 1 more (--json lists them)"],
  ]);
});
