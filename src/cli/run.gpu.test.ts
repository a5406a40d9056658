import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";
import { models } from "../models/index.ts";
import { writeOnnx } from "../onnx/index.ts";

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
  const espcn = models.get("espcn")!.build({ imageSize: 8 });
  await writeFile(join(folder, "espcn.onnx"), writeOnnx(espcn));
});
afterAll(() => remove());

const run = (line: string) => command(folder, ["run", ...line.split(" "), "--device", "software"]);

test.each([
  ["f32", 1e-4],
  ["f16", 1e-2],
])("a network in %s agrees with the CPU", async (precision, tolerance) => {
  const line = `espcn.onnx --random --batch 2 --verify --repeat 3 --precision ${precision} --json`;
  const { code, out, err } = await run(line);
  expect([code, err]).toEqual([0, ""]);
  const report = JSON.parse(out);
  expect(report.device.kind).toBe("software");
  expect(report.precision).toBe(precision);
  expect(report.verification).toMatchObject({ passed: true, tolerance });
  // A GPU sums in another order than the CPU: an error of 0 would mean that nothing was compared.
  expect(report.verification.outputs[0].relativeL2).toBeGreaterThan(0);
  expect(report.compileMs).toBeGreaterThan(0);
  expect(report.memoryBytes.weights).toBeGreaterThan(0);
  expect(report.runMs.count).toBe(3);
});

test("the summary tells device, compile time and memory", async () => {
  const { out } = await run("espcn.onnx --random --verify");
  expect(out).toMatch(/^device +\S.* \(software\): /m);
  expect(out).toMatch(/^compile +[\d.]+ m?s$/m);
  expect(out).toMatch(/^memory +.*weights/m);
  expect(out).toMatch(/^verify +equal to CPU \(ONNX Runtime\) within 1\.0e-4$/m);
});
