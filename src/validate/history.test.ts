import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../test/command.ts";
import { machineHost } from "../host/index.ts";
import { type HistoryEntry, historyOf, isSound, remember, rememberDeaths } from "./history.ts";

const host = machineHost();
let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

const entry: HistoryEntry = {
  time: "",
  boot: "a",
  target: "engine",
  subject: "rekindle",
  device: "RX 5600 XT",
  command: "rekindle validate",
  verdicts: { models: "met" },
  outputs: {},
};

test("validations of the same on the same device are found again", async () => {
  const path = join(folder, "same.jsonl");
  expect(await historyOf(host, path, entry)).toEqual([]);
  remember(path, entry);
  remember(path, { ...entry, device: "llvmpipe" });
  remember(path, { ...entry, subject: "torch" });
  expect(await historyOf(host, path, entry)).toEqual([entry]);
});

test("an entry of another version is left out, and does no harm", async () => {
  const path = join(folder, "other.jsonl");
  writeFileSync(path, '{"time": "2030", "boot": 7}\n');
  remember(path, entry);
  expect(await historyOf(host, path, entry)).toEqual([entry]);
});

test("a validation during which the machine went down counts against its boot, once", async () => {
  const own = join(folder, "validations");
  mkdirSync(own);
  const stamp = { time: "", boot: "before" };
  const result = { outcome: "passed", detail: "", timeMs: 1, device: entry.device };
  const records = [
    { event: "run", version: 1, ...stamp, order: { target: "engine", subject: "rekindle" } },
    { event: "begin", ...stamp, step: "engine/matrix", token: "none" },
    { event: "end", ...stamp, step: "engine/matrix", result },
    { event: "begin", ...stamp, step: "engine/soak", token: "none" },
  ];
  const journal = join(own, "2026-01-01.jsonl");
  writeFileSync(journal, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  writeFileSync(join(own, "2025-01-01.jsonl"), "damaged\n");
  const history = join(own, "history.jsonl");
  await rememberDeaths(host, own, history);
  await rememberDeaths(host, own, history);
  const [found, ...more] = await historyOf(host, history, entry);
  expect(more).toEqual([]);
  expect(found).toMatchObject({ boot: "before", verdicts: { stability: "not met" } });
  expect(isSound(found!)).toBe(false);
  expect(readFileSync(journal, "utf8")).toMatch(/"outcome":"machine-died"/);
});
