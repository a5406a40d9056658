import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../test/command.ts";
import { type Host, machineHost } from "../host/index.ts";
import type { ValidateReport } from "./criteria.ts";
import { full } from "./plan.ts";
import { runValidation } from "./run-validation.ts";

// A program that speaks as the parts of a validation with PyTorch do; the machine starts anew by
// another boot id.

const python = fileURLToPath(new URL("../../test/trial/fake-python.mjs", import.meta.url));
let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

let runs = 0;

async function validated(boot: string, env: Record<string, string> = {}): Promise<ValidateReport> {
  const real = machineHost({ PATH: process.env.PATH, ...env }, folder);
  const host: Host = {
    ...real,
    readText: async (path) => (path.endsWith("/boot_id") ? boot : await real.readText(path)),
    run: async (program, args, options) =>
      program === "dmesg"
        ? { status: 0, out: "[1.0] quiet", err: "" }
        : await real.run(program, args, options),
  };
  const machine = { isRocm: true, override: undefined, gfx: "gfx1010" };
  return await runValidation({
    host,
    target: { name: "torch", python, machine },
    subject: "torch 2.11.0",
    extent: { ...full, soakSeconds: 1800 },
    quick: false,
    command: "rekindle validate --target torch",
    journal: join(folder, `${++runs}.jsonl`),
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
}

const verdicts = ({ criteria }: ValidateReport) =>
  Object.fromEntries(criteria.map(({ id, verdict }) => [id, verdict]));
const evidence = ({ criteria }: ValidateReport, id: string) =>
  criteria.find((criterion) => criterion.id === id)!.evidence;

test("three boots, all well: every criterion is met at the third", async () => {
  const first = await validated("one");
  expect(first).toMatchObject({ device: "AMD Radeon RX 5600 XT", isCard: true, boot: "one" });
  expect(verdicts(first)).toEqual({
    convolutions: "met",
    stability: "met",
    speed: "met",
    reboots: "not shown",
    reproducible: "not shown",
    models: "met",
  });
  expect(evidence(await validated("two"), "reboots")).toEqual(["passed on 2 of 2 boots"]);
  const third = await validated("three");
  expect(new Set(Object.values(verdicts(third)))).toEqual(new Set(["met"]));
  expect(evidence(third, "reproducible").join()).toMatch(/same bits as before the last restart/);
  expect(third.caveats).toEqual([]);
});

test("other bits after a restart are shown, and the machine's death counts", async () => {
  const other = await validated("four", { FAKE_BITS: "other" });
  expect(evidence(other, "reproducible")[0]).toMatch(/after a restart: 3x3 differs first at elem/);
  // The machine goes down in the soak: the journal ends there.
  const journal = join(folder, `${runs}.jsonl`);
  const lines = readFileSync(journal, "utf8").split("\n");
  const soak = lines.findIndex((line) => /"begin".*"torch\/soak"/.test(line));
  writeFileSync(
    journal.replace(/\d+\.jsonl$/, "0.jsonl"),
    `${lines
      .slice(0, soak + 1)
      .join("\n")
      .replaceAll('"four"', '"dead"')}\n`,
  );
  const after = await validated("five");
  expect(verdicts(after).reboots).toBe("not met");
  // Other bits than at the boot before speak against the fourth and the fifth as well.
  expect(evidence(after, "reboots")).toEqual(["passed on 3 of 6 boots"]);
});
