import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../test/command.ts";
import { machineHost } from "../host/index.ts";
import { type HistoryEntry, remember } from "./history.ts";
import { keptResults } from "./kept.ts";

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

/** A machine of an own state folder, started as `boot`. */
function machine(name: string, boot: string) {
  const host = machineHost({ XDG_STATE_HOME: join(folder, name) });
  return {
    ...host,
    readText: async (path: string) =>
      path.endsWith("/boot_id") ? `${boot}\n` : await host.readText(path),
  };
}

function journal(state: string, name: string, records: readonly object[]): void {
  const trials = join(folder, state, "rekindle", "trials");
  mkdirSync(trials, { recursive: true });
  writeFileSync(join(trials, name), records.map((r) => `${JSON.stringify(r)}\n`).join(""));
}

const stamp = { time: "2026-11-22T10:00:00.000Z", boot: "one" };
const order = {
  target: "torch",
  python: "/a venv/bin/python",
  subject: "torch 2.11.0",
  risk: "hang",
  only: ["conv/"],
  search: false,
};
const end = (step: string, outcome: string) => ({
  event: "end",
  ...stamp,
  step,
  result: { outcome, detail: "because", timeMs: 1, device: "RX 5600 XT" },
});

test("nothing is kept on a new machine", async () => {
  expect(await keptResults(machine("new", "one"))).toEqual([]);
});

test("the newest trial that can be read, without its attempts under changes", async () => {
  const run = { event: "run", version: 1, ...stamp, order };
  const steps = [
    end("torch/conv/usual", "passed"),
    end("torch/conv/f16", "signal"),
    end("torch/conv/f16+cudnn-off", "passed"),
    end("torch/compile", "not-run"),
  ];
  journal("trials", "2026-11-21.jsonl", [run, end("torch/device", "passed")]);
  journal("trials", "2026-11-22.jsonl", [run, ...steps, { event: "done", ...stamp }]);
  journal("trials", "2026-11-23.jsonl", [{ event: "unheard of" }]);
  journal("trials", "2026-11-24.jsonl", [run]);
  expect(await keptResults(machine("trials", "one"))).toEqual([
    {
      kind: "trial",
      ...stamp,
      isThisBoot: true,
      target: "torch",
      subject: "torch 2.11.0",
      device: "RX 5600 XT",
      command:
        "rekindle trial --target torch --python '/a venv/bin/python' --risk hang --yes " +
        "--only conv/ --no-search",
      sentence: "1 passed, 1 failed",
      lines: [{ name: "torch/conv/f16", outcome: "signal: because" }],
    },
  ]);
});

test("the newest validation, with its verdicts", async () => {
  const entry: HistoryEntry = {
    ...stamp,
    target: "engine",
    subject: "rekindle",
    device: "RX 5600 XT",
    command: "rekindle validate --target engine",
    verdicts: { convolutions: "met", speed: "not met" },
    outputs: {},
  };
  const path = join(folder, "validations", "rekindle", "validations", "history.jsonl");
  remember(path, { ...entry, subject: "an older one" });
  remember(path, entry);
  const [found, ...more] = await keptResults(machine("validations", "two"));
  expect(more).toEqual([]);
  expect(found).toMatchObject({
    kind: "validation",
    subject: "rekindle",
    isThisBoot: false,
    sentence: "1 met, 1 not met, 0 not shown",
    lines: [
      { name: "Convolutions complete without an error, and are right", outcome: "met" },
      { name: "Speed within 20 % of the optimum", outcome: "not met" },
    ],
  });
});
