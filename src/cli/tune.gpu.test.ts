import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";
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
