import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";
import { root } from "../../test/sources.ts";
import type { CompareReport } from "../validate/index.ts";

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

const ms = (median: number, part = 0.01) => ({
  count: 9,
  median,
  low: median * (1 - part),
  high: median * (1 + part),
  kind: "min..max",
});

function file(name: string, value: unknown): string {
  writeFileSync(join(folder, name), JSON.stringify(value));
  return name;
}

const validation = (device: string, times: readonly object[], verdict: string) => ({
  schema: "rekindle-validate/1",
  subject: "rekindle",
  device,
  criteria: [{ id: "speed", verdict }],
  times,
});

const layer = (name: string, time: object) => ({ what: "layer", name, batch: 8, ms: time });

const bench = (models: readonly object[], convs: readonly object[] = []) => ({
  what: "model",
  version: "0.1.0",
  device: { name: "RX 5600 XT" },
  convs,
  models,
});

describe("rekindle compare", () => {
  test("two validations: times, noise and verdicts", async () => {
    const a = file(
      "a.json",
      validation("H100", [layer("c1", ms(2)), layer("c2", ms(1)), layer("c3", ms(1))], "met"),
    );
    const b = file(
      "b.json",
      validation("RX 5600 XT", [layer("c1", ms(8)), layer("c2", ms(1.01, 0.05))], "not met"),
    );
    const { code, out } = await command(folder, ["compare", a, b, "--json"]);
    const report = JSON.parse(out) as CompareReport;
    expect(code).toBe(0);
    expect(report.times.map((t) => [t.key, t.speedUp, t.isNoise])).toEqual([
      ["c1 x8 f32", 0.25, false],
      ["c2 x8 f32", 1 / 1.01, true],
    ]);
    const [low, high] = report.times[0]!.range!;
    expect([low, high]).toEqual([(2 * 0.99) / (8 * 1.01), (2 * 1.01) / (8 * 0.99)]);
    expect(report.meanSpeedUp.conv).toBeCloseTo(Math.sqrt(0.25 / 1.01), 10);
    expect([report.onlyFirst, report.onlySecond]).toEqual([1, 0]);
    expect(report.verdicts).toEqual([
      { title: "Speed within 20 % of the optimum", first: "met", second: "not met" },
    ]);
    const text = await command(folder, ["compare", a, b]);
    expect(text.out).toMatch(/^A: rekindle on H100\nB: rekindle on RX 5600 XT\n/);
    expect(text.out).toMatch(/^c2 x8 f32 +1 ms +1\.01 ms +0\.99 +0\.934 to 1\.05 +noise$/m);
    expect(text.out).toMatch(/^1 difference may be chance/m);
  });

  test("a bench with a baseline: of several ways the fastest counts", async () => {
    const named = { what: "model", name: "resnet50", batch: 1, size: [224, 224], precision: "f32" };
    const baseline = file("base.json", {
      format: "rekindle-baseline",
      version: 1,
      title: "cuDNN",
      machine: "H100",
      software: "PyTorch",
      command: "x",
      date: "2026-11-21",
      times: [
        { ...named, measure: "on device", how: "CUDA graph", ms: { median: 2 } },
        { ...named, measure: "on device", how: "eager", ms: { median: 5 } },
      ],
    });
    const own = { ...named, onDeviceMs: ms(8), wholeMs: ms(9) };
    const refused = { ...named, name: "vgg16", kind: "refused", reason: "x" };
    const here = file("bench.json", bench([own, refused]));
    const { out } = await command(folder, ["compare", baseline, here, "--json"]);
    const { times, first, onlySecond } = JSON.parse(out) as CompareReport;
    expect(first).toBe("cuDNN on H100");
    expect(times).toEqual([
      {
        key: "resnet50 224x224 x1 f32",
        what: "model",
        first: { median: 2 },
        second: expect.objectContaining({ median: 8 }),
        speedUp: 0.25,
      },
    ]);
    expect(onlySecond).toBe(1);
  });

  test("the shipped baseline, a card and a CPU: layers and networks are the same", async () => {
    const shipped = join(root, "bench/baselines/h100-cudnn.json");
    const size = [224, 224];
    const model = { name: "resnet50", batch: 8, size, precision: "f32", wholeMs: ms(400) };
    const conv = { name: "c64-56x56-k64-3x3", batch: 8, precision: "f32", onDeviceMs: ms(1) };
    const card = file("card.json", bench([{ ...model, onDeviceMs: ms(40) }], [conv]));
    const cpu = file("cpu.json", bench([{ ...model, onDeviceMs: null }]));
    const keysOf = async (...files: string[]) => {
      const { out } = await command(folder, ["compare", ...files, "--json"]);
      const { times } = JSON.parse(out) as CompareReport;
      return times.map(({ key, range, isNoise }) => [key, range !== undefined, isNoise]);
    };
    const resnet50 = "resnet50 224x224 x8 f32";
    expect(await keysOf(shipped, card)).toEqual([
      [resnet50, true, false],
      ["c64-56x56-k64-3x3 x8 f32", true, false],
    ]);
    expect(await keysOf(shipped, cpu)).toEqual([[resnet50, true, false]]);
    expect(await keysOf(cpu, cpu)).toEqual([[resnet50, true, true]]);
    const text = await command(folder, ["compare", shipped, cpu]);
    expect(text.out).toMatch(/^networks: A is \S+ times as fast \(geometric mean\)$/m);
    expect(await keysOf(card, cpu)).toEqual([
      [resnet50, true, false],
      [`${resnet50}, whole run`, true, true],
    ]);
  });

  test.each([
    ["[", /is no JSON/],
    ['{"schema": "rekindle-validate/9"}', /holds no results that can be compared/],
    ['{"format": "rekindle-baseline"}', /holds no baseline/],
  ])("%s is refused", async (text, message) => {
    writeFileSync(join(folder, "odd.json"), text);
    const { code, err } = await command(folder, ["compare", "odd.json", "odd.json"]);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });

  test("files without anything in common are told so", async () => {
    const a = file("x.json", bench([]));
    const { code, err } = await command(folder, ["compare", a, a]);
    expect([code, err]).toEqual([2, expect.stringMatching(/nothing in common/)]);
  });
});
