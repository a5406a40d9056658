import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";
import type { BenchReport } from "../bench/index.ts";
import { renderReport } from "./bench/render.ts";

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
  await writeFile(join(folder, "broken.json"), "{}");
});
afterAll(() => remove());

const bench = (line: string) => command(folder, ["bench", ...line.split(" ").filter(Boolean)]);

test.each([
  ["", /missing required argument 'WHAT'/],
  ["speed", /must be conv, model or sweep/],
  ["conv --batch 0", /whole number of at least 1/],
  ["conv --batch 1,x", /whole number of at least 1/],
  ["conv --size 224", /--size is for bench model, this is bench conv/],
  ["model --limit 3", /--limit is for bench sweep, this is bench model/],
  ["sweep 3x3", /takes no names, "3x3" was given/],
  ["conv c64-56x56-k65-3x3-g2", /do not divide into 2 groups/],
  ["conv c64-56x56-k64-3x4x5 --list", /no layer is called/],
  ["model resnet5O --list", /there is no network "resnet5O"\n.*resnet50/],
  ["model missing.onnx --list", /missing\.onnx/],
  ["conv --against ort-webgpu", /--against is for bench model/],
  ["model --against tflite", /one or more of ort-webgpu, ort-cpu/],
  ["conv --plot plot.png", /a plot is an \.html or \.svg file\n.*--plot plot\.html/],
  ["conv --baseline broken.json", /broken\.json holds no baseline/],
  ["conv --plot missing/plot.svg", /cannot write missing\/plot\.svg/],
])("bench %s: says what is wrong", async (line, message) => {
  const { code, out, err } = await bench(line);
  expect(code).toBe(2);
  expect(out).toBe("");
  expect(err).toMatch(message);
});

test("--list names what would be measured", async () => {
  const { out } = await bench("conv --list");
  expect(out.split("\n")).toContain("c256-56x56-k256-3x3");
  expect((await bench("conv 7x7 --list")).out).toBe(
    `${out
      .split("\n")
      .filter((name) => name.includes("7x7"))
      .join("\n")}\n`,
  );
  expect((await bench("conv c8-9x9-k8-3x3 --batch 1,4 --list")).out).toBe(
    "c8-9x9-k8-3x3 1\nc8-9x9-k8-3x3 4\n",
  );
  expect((await bench("sweep --limit 5 --list")).out.match(/^c\d+-\S+ \d+$/gm)).toHaveLength(5);
  expect((await bench("model --list")).out).toContain("resnet50\n");
});

test("kernels are not measured on the CPU", async () => {
  const { code, err } = await bench("conv --device cpu");
  expect(code).toBe(2);
  expect(err).toMatch(/kernels run on a GPU, and CPU \(ONNX Runtime\) was taken/);
  expect(err).toContain("--device software");
});

test("a network is measured on the CPU, and against ONNX Runtime", async () => {
  const line = "model espcn --size 8 --device cpu --repeat 3 --against ort-cpu --json -";
  const { code, out, err } = await bench(line);
  expect([code, err]).toEqual([0, ""]);
  const report = JSON.parse(out) as BenchReport;
  expect(report.roofline).toBeNull();
  expect(report.models).toEqual([
    expect.objectContaining({
      ...{ name: "espcn", batch: 1, size: [8, 8], onDeviceMs: null },
      wholeMs: expect.objectContaining({ count: 3 }),
      ortCpuMs: expect.objectContaining({ count: 3 }),
    }),
  ]);
  const [comparison] = report.models[0]!.comparisons;
  expect(comparison).toMatchObject({ title: "ONNX Runtime CPU", measure: "whole" });
  expect(comparison!.speedUp).toBeCloseTo(comparison!.otherMs / comparison!.ownMs);
});

test("a network that cannot be run is told, and the others are measured", async () => {
  const line = "model unet espcn --size 9 --device cpu --repeat 3";
  const { code, out } = await bench(line);
  expect(code).toBe(0);
  expect(out).toMatch(/^espcn +1 +\S/m);
  expect(out).toMatch(/^note: unet, batch 1 was not run: unet needs an image size/m);
  expect((await bench("model unet --size 9 --device cpu")).err).toMatch(/needs an image size/);
});

test("wrong numbers and what was not run stand out", () => {
  const failure = { name: "c8-9x9-k8-3x3", batch: 2, precision: "f32", comparisons: [] } as const;
  const report: BenchReport = {
    what: "conv",
    version: "1.2.3",
    measuredAt: "2026-11-21T20:15:00.000Z",
    device: { kind: "gpu", name: "a GPU", backend: "webgpu", reason: "first", driver: "" },
    precision: "f32",
    roofline: null,
    baselines: [],
    convs: [
      { ...failure, kind: "wrong", reason: "relative error 1.0e+0" },
      { ...failure, kind: "refused", reason: "too large" },
    ],
    models: [],
    notes: ["stopped early"],
  };
  const out = { write: () => undefined, isTerminal: false, hasColor: false, columns: 80 };
  expect(renderReport(report, out)).toBe(`device     a GPU (gpu): first
precision  f32

note: c8-9x9-k8-3x3, batch 2 is WRONG: relative error 1.0e+0
note: c8-9x9-k8-3x3, batch 2 was not run: too large
note: stopped early
`);
});
