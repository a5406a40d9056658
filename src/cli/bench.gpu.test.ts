import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";
import type { Baseline, BenchReport } from "../bench/index.ts";

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

const bench = (line: string) =>
  command(folder, ["bench", ...line.split(" "), "--device", "software"]);

async function read(name: string): Promise<string> {
  return readFile(join(folder, name), "utf8");
}

const name = "c8-9x9-k8-3x3";

const baseline: Baseline = {
  ...{ format: "rekindle-baseline", version: 1, title: "another", machine: "a machine" },
  ...{ software: "some", command: "a command", date: "2026-11-21" },
  times: [
    {
      ...{ what: "conv", name, batch: 2, precision: "f32", measure: "on device", how: "fast" },
      ms: { median: 1 },
    },
  ],
};

test("convolutions: checked, timed, compared with a baseline, in every form", async () => {
  await writeFile(join(folder, "baseline.json"), JSON.stringify(baseline));
  const files = "--baseline baseline.json --json conv.json --plot conv.svg";
  const { code, out, err } = await bench(`conv ${name} --batch 1,2 --repeat 3 ${files}`);
  expect(code).toBe(0);
  expect(err).toBe("written to conv.json, conv.svg\n");
  expect(out).toMatch(/^peak +[\d.]+ [GT]FLOP\/s in float32/m);
  expect(out).toMatch(/^c8-9x9-k8-3x3 +2 +\S+ +\S+\.\.\S+ .*conv-gemm/m);
  expect(out).toMatch(/times as fast as another, on device \(measured on a machine\)/);
  expect(out).toContain("a CPU emulates this GPU");
  const { convs, roofline } = JSON.parse(await read("conv.json")) as BenchReport;
  expect(roofline!.flopPerSecond.f32).toBeGreaterThan(1e8);
  for (const conv of convs) {
    if ("kind" in conv) throw new Error(conv.reason);
    expect(conv.check.relativeL2).toBeLessThan(1e-5);
    expect(conv.check.relativeL2).toBeGreaterThan(0);
    expect(conv.check.elements).toBe(conv.batch * 9 * 9 * 8);
    expect(conv.flop).toBe(2 * conv.batch * 9 * 9 * 8 * 8 * 9);
    expect(conv.ofRoofline).toBeCloseTo(conv.boundMs / conv.onDeviceMs.median);
  }
  expect(convs.map((c) => c.comparisons.length)).toEqual([0, 1]);
  expect(await read("conv.svg")).toMatch(/^<svg .*\n.*Roofline.*<\/svg>\n$/s);
});

test("a network: checked against the CPU, timed as a whole and layer by layer", async () => {
  const line = "model espcn --size 8 --batch 3 --layers --repeat 3 --plot model.html --json -";
  const { code, out, err } = await bench(line);
  expect([code, err]).toEqual([0, "written to model.html\n"]);
  const [model] = (JSON.parse(out) as BenchReport).models;
  if (!model || "kind" in model) throw new Error("it was not timed");
  expect(model.error).toBeGreaterThan(0);
  expect(model.error).toBeLessThan(1e-4);
  expect(model.comparedPictures).toEqual([0, 2]);
  expect(model.onDeviceMs!.count).toBe(3);
  const layers = model.layers!;
  expect(layers.filter(({ op }) => op === "Conv").length).toBeGreaterThanOrEqual(3);
  expect(layers.reduce((sum, { flop }) => sum + flop, 0)).toBe(model.flop);
  expect(layers.reduce((sum, { dispatches }) => sum + dispatches, 0)).toBe(model.stats.dispatches);
  for (const { ms } of layers) expect(ms.low).toBeGreaterThan(0);
  expect(await read("model.html")).toContain("Time per layer: espcn, batch 3");
});

test("a sweep: as many points as asked for, the rest is told", async () => {
  await writeFile(join(folder, "empty.json"), JSON.stringify({ ...baseline, times: [] }));
  const { code, out } = await bench(
    "sweep --baseline empty.json --limit 1 --batch 1 --repeat 3 --precision f16",
  );
  expect(code).toBe(0);
  expect(out.match(/^c\d+-\d+x\d+-k\d+\S* +1 /gm)).toHaveLength(1);
  expect(out).toContain('the baseline "another" (a machine) has no times of these in f16');
});

test("what is too large is refused with both numbers, before memory is taken", async () => {
  const { code, err } = await bench("conv c65536-65536x65536-k4-1x1 --repeat 3");
  expect(code).toBe(2);
  expect(err).toMatch(/nothing could be measured: needs a buffer of \d+ bytes, .* at most \d+/);
});
