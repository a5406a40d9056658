import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";
import { convGemm } from "../kernels/conv-gemm.ts";
import { models } from "../models/index.ts";
import { writeOnnx } from "../onnx/index.ts";
import type { Tunings } from "../tunings/tuning.ts";

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
  const espcn = models.get("espcn")!.build({ imageSize: 8 });
  await writeFile(join(folder, "espcn.onnx"), writeOnnx(espcn));
});
afterAll(() => remove());

const env = { REKINDLE_TUNINGS: "tunings.json" };
const tune = (...args: string[]) => command(folder, ["tune", ...args], { env, terminal: true });
const stored = async () =>
  JSON.parse(await readFile(join(folder, "tunings.json"), "utf8")) as Tunings;

test("a model is tuned, stored, exported, cleared and imported again", async () => {
  const args = ["espcn.onnx", "--device", "software", "--json"];
  const { code, out, err } = await tune(...args);
  expect(code).toBe(0);
  expect(err).toMatch(/problem \d+ of \d+: candidate \d+ of \d+/);
  const report = JSON.parse(out);
  expect(report.device.kind).toBe("software");
  expect(report.network.gain).toBeGreaterThan(0);
  const chosen = report.problems.filter((p: { chosen?: unknown }) => p.chosen);
  const [device] = (await stored()).devices;
  expect(device!.adapter).toBe(report.device.name);
  expect(device!.driver).toBe(report.device.driver);
  expect(device!.tunings.map((t) => t.problem)).toEqual(
    chosen.map((p: { problem: string }) => p.problem),
  );

  const again = JSON.parse((await tune(...args)).out);
  const outcomes = again.problems.map((p: { outcome: string }) => p.outcome);
  expect(outcomes.filter((o: string) => o === "stored")).toHaveLength(chosen.length);

  expect((await tune("--export", "mine.json")).code).toBe(0);
  expect((await tune("--clear")).code).toBe(0);
  expect((await stored()).devices).toEqual([]);
  const taken = await tune("--import", "mine.json");
  expect(taken.out).toMatch(/^took \d+ tunings into /);
  expect((await stored()).devices).toEqual([device]);

  const theirs = { ...(await stored()), devices: [{ ...device!, driver: "another" }] };
  await writeFile(join(folder, "theirs.json"), JSON.stringify(theirs));
  const other = await tune("--import", "theirs.json");
  expect(other.out).toContain('measured with "another": not used now, with the driver "');

  const text = await tune("espcn.onnx", "--device", "software");
  expect(text.out).toMatch(/^problems +.*stored before/m);
  expect(text.out).toMatch(/^network +[\d.]+ m?s -> [\d.]+ m?s.*, on the device$/m);
});

test("a default kernel that is wrong is told, exit code 1, and another one stored", async () => {
  const { build } = convGemm;
  const spoilt = vi.spyOn(convGemm, "build").mockImplementation((problem, config, options) => {
    const program = build(problem, config, options);
    const dispatches = program.dispatches.map((dispatch) => {
      const wgsl = dispatch.wgsl.replace("var value = first;", "var value = first * 1.01;");
      return { ...dispatch, wgsl };
    });
    return { ...program, dispatches };
  });
  try {
    const { code, out } = await tune("espcn.onnx", "--device", "software", "--force");
    expect(code).toBe(1);
    expect(out).toMatch(/^WRONG +Conv .*: the default\s+kernel\s+conv-gemm/m);
    const convs = (await stored()).devices[0]!.tunings.filter((t) => t.problem.startsWith("Conv "));
    expect(convs.map((t) => t.kernel)).not.toContain("conv-gemm");
    expect(convs.length).toBeGreaterThan(0);
  } finally {
    spoilt.mockRestore();
  }
});
