import { randomUUID } from "node:crypto";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../test/command.ts";
import { fakeExperiment, faultyStep } from "../../test/trial/fake-experiment.ts";
import { processesWith } from "../../test/trial/processes.ts";
import { type Host, machineHost } from "../host/index.ts";
import type { Confinement } from "./confine.ts";
import type { Experiment } from "./experiment.ts";
import { earlierKillers, newestUnfinished } from "./journals.ts";
import { Trial } from "./trial.ts";

const host = machineHost();
const confinement: Confinement = { name: "none", wrap: (command) => command };
let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

let files = 0;
const newJournal = () => join(folder, `${++files}.jsonl`);

/** The same machine after another start of it. */
function bootedAs(bootId: string, lastLines: readonly string[] = []): Host {
  return {
    ...host,
    readText: async (path) =>
      path.endsWith("/boot_id") ? `${bootId}\n` : await host.readText(path),
    run: async (program, args, options) =>
      program === "journalctl" && args.includes("-b")
        ? { status: 0, out: lastLines.join("\n"), err: "" }
        : await host.run(program, args, options),
  };
}

const open = (journal: string, on = host, more: { repeat?: boolean } = {}) =>
  Trial.open({
    host: on,
    confinement,
    journal,
    order: { subject: "fake" },
    graceMs: 300,
    settleMs: 10,
    ...more,
  });

/** Performs all, each with the next two prepared ahead, and closes. */
async function performAll(trial: Trial, experiments: readonly Experiment[]) {
  for (const [i, experiment] of experiments.entries()) {
    await trial.perform(experiment, faultyStep, experiments.slice(i + 1, i + 3));
  }
  trial.finish();
  trial.dispose();
  return new Map([...trial.results].map(([id, { outcome }]) => [id, outcome]));
}

const events = (journal: string) =>
  readFileSync(journal, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string; step?: string });

const three = ["a", "b", "c"].map((id) => fakeExperiment(id));

describe("a journal", () => {
  test("holds every step before it is run and after", async () => {
    const journal = newJournal();
    await performAll(await open(journal), three);
    const written = events(journal)
      .filter(({ event }) => event !== "at")
      .map(({ event, step }) => [event, step ?? ""].join(" ").trim());
    expect(written).toEqual([
      "run",
      "open",
      ...["a", "b", "c"].flatMap((id) => [`begin ${id}`, `end ${id}`]),
      "done",
    ]);
  });

  test("cut off at any byte, it goes on: nothing is lost, nothing is repeated", async () => {
    const whole = newJournal();
    const log = join(folder, "ran.txt");
    const experiments = ["a", "b"].map((name) =>
      fakeExperiment(name, { fault: "none", log, name }),
    );
    await performAll(await open(whole), experiments);
    const bytes = readFileSync(whole);
    // Every end of a record, and a place in its middle.
    const ends = [...bytes.entries()].flatMap(([i, byte]) => (byte === 10 ? [i + 1] : []));
    const cuts = [0, ...ends.flatMap((end) => [end - 7, end])];
    for (const cut of cuts) {
      const journal = newJournal();
      writeFileSync(journal, bytes.subarray(0, cut));
      writeFileSync(log, "");
      const begun = eventsOf(bytes.subarray(0, cut)).filter(({ event }) => event === "begin");
      const ended = eventsOf(bytes.subarray(0, cut)).filter(({ event }) => event === "end");
      const outcomes = await performAll(await open(journal), experiments);
      const ran = readFileSync(log, "utf8").split("\n").filter(Boolean);
      // What had begun is not run again; the rest is.
      expect(ran).toEqual(experiments.slice(begun.length).map(({ id }) => id));
      const cutOff = begun.slice(ended.length).map(({ step }) => step);
      for (const { id } of experiments) {
        expect(outcomes.get(id)).toBe(cutOff.includes(id) ? "interrupted" : "passed");
      }
      expect(
        new Set(
          events(journal)
            .filter((e) => e.event === "end")
            .map((e) => e.step),
        ).size,
      ).toBe(2);
    }
  });

  test("ends in time where the machine was restarted during a step", async () => {
    const journal = newJournal();
    const trial = await open(journal, bootedAs("first"));
    await trial.perform(three[0]!, faultyStep);
    trial.dispose();
    const begin = { event: "begin", time: "", boot: "first", step: "b", token: "none-such" };
    const at = { event: "at", step: "b", at: "compute on cuda" };
    appendFileSync(journal, `${JSON.stringify(begin)}\n${JSON.stringify(at)}\n`);
    const resumed = await open(journal, bootedAs("second", ["amdgpu: GPU reset begin!"]));
    expect(resumed.boots).toBe(2);
    const outcomes = await performAll(resumed, three);
    expect([...outcomes]).toEqual([
      ["a", "passed"],
      ["b", "machine-died"],
      ["c", "passed"],
    ]);
    expect(resumed.results.get("b")).toMatchObject({
      at: "compute on cuda",
      kernelLines: ["amdgpu: GPU reset begin!"],
      causes: [{ id: "gpu-reset" }],
    });
    expect(await earlierKillers(host, [journal], "fake")).toEqual(new Set(["b"]));
    expect(await earlierKillers(host, [journal], "another")).toEqual(new Set());

    const again = await open(journal, bootedAs("second"), { repeat: true });
    expect((await performAll(again, three)).get("b")).toBe("passed");
  });

  test("left open by a reset that ended the desktop says so, and is not repeated", async () => {
    const journal = newJournal();
    (await open(journal)).dispose();
    const boot = (await host.readText("/proc/sys/kernel/random/boot_id"))!.trim();
    const kernelLog = { source: "dmesg", lastLine: "[1.0] before" };
    const begin = { event: "begin", time: "", boot, step: "a", token: "none-such", kernelLog };
    appendFileSync(journal, `${JSON.stringify(begin)}\n`);
    const out = ["[0.5] GPU reset begin!", "[1.0] before", "[2.0] amdgpu: ring comp_1.0.0 timeout"];
    const logs: Host = {
      ...host,
      run: async (program, args, options) =>
        program === "dmesg"
          ? { status: 0, out: out.join("\n"), err: "" }
          : await host.run(program, args, options),
    };
    const outcomes = await performAll(await open(journal, logs), three);
    expect(outcomes.get("a")).toBe("gpu-reset");
    const { results } = await open(journal, logs);
    expect(results.get("a")).toMatchObject({
      kernelLines: [out[2]],
      causes: [{ id: "ring-timeout" }],
    });
  });

  test("is found again while it is not done", async () => {
    const journal = newJournal();
    (await open(journal)).dispose();
    expect(await newestUnfinished(host, [join(folder, "none"), journal])).toBe(journal);
    const trial = await open(journal);
    trial.finish();
    trial.dispose();
    expect(await newestUnfinished(host, [journal])).toBeUndefined();
  });

  test.each([
    ["not a journal at all\n", /1 is no JSON/],
    ['{"event": "run"}\n', /1 is no record of a trial/],
  ])("%j is refused and left as it is", async (text, message) => {
    const journal = newJournal();
    writeFileSync(journal, text);
    await expect(open(journal)).rejects.toThrow(message);
    expect(readFileSync(journal, "utf8")).toBe(text);
  });

  test("in use by another process is refused", async () => {
    const journal = newJournal();
    (await open(journal)).dispose();
    const started = readFileSync("/proc/1/stat", "utf8").split(") ")[1]!.split(" ")[19];
    const boot = (await host.readText("/proc/sys/kernel/random/boot_id"))!.trim();
    appendFileSync(
      journal,
      `${JSON.stringify({ event: "open", time: "", boot, pid: 1, started })}\n`,
    );
    await expect(open(journal)).rejects.toThrow(/in use by process 1/);
    await expect(open(journal, bootedAs("later"))).resolves.toBeDefined();
  });

  test.each(["/proc/rekindle/trial.jsonl", "file/trial.jsonl"])(
    "in a folder that cannot be written (%s) is refused before anything runs",
    async (path) => {
      writeFileSync(join(folder, "file"), "");
      const error = await open(join(path.startsWith("/") ? "/" : folder, path)).catch((e) => e);
      expect(error).toMatchObject({
        code: "file-invalid",
        message: expect.stringMatching(/cannot write/),
      });
      expect(error.fix).toMatch(/folder/);
    },
  );
});

describe("after", () => {
  test("an experiment that others need fails, they are not run", async () => {
    const journal = newJournal();
    const trial = await open(journal);
    await trial.perform(fakeExperiment("base", { fault: "segfault" }), faultyStep);
    const result = await trial.perform(fakeExperiment("x", {}, { needs: ["base"] }), faultyStep);
    expect(result).toMatchObject({ outcome: "not-run", detail: "base did not pass" });
    trial.dispose();
  });

  test("three hangs nothing more is done to the card", async () => {
    const trial = await open(newJournal());
    const limits = { timeMs: 200, memoryBytes: 1e9, cpuSeconds: 30 };
    for (const id of ["a", "b", "c"]) {
      await trial.perform(fakeExperiment(id, { fault: "hang" }, { limits }), faultyStep);
    }
    const result = await trial.perform(fakeExperiment("d"), faultyStep);
    expect(result).toMatchObject({
      outcome: "not-run",
      detail: expect.stringMatching(/3 steps hung/),
    });
    trial.dispose();
  });

  test.skipIf(process.platform !== "linux")("what was started ahead lives no longer", async () => {
    const mark = randomUUID();
    const marked = { ...host, env: { ...host.env, REKINDLE_TEST_MARK: mark } };
    const trial = await open(newJournal(), marked);
    const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((id) => fakeExperiment(id));
    const areAlive = (count: number) =>
      vi.waitFor(() => expect(processesWith(mark)).toHaveLength(count), 30_000);
    await trial.perform(a!, faultyStep, [b!, c!]);
    await areAlive(2);
    // It comes after all, and the one before it not.
    await trial.perform(c!, faultyStep);
    await areAlive(0);
    await trial.perform(d!, faultyStep, [e!]);
    await areAlive(1);
    trial.dispose();
    await areAlive(0);
  });

  test("the user stops, the step is done again on resuming", async () => {
    const journal = newJournal();
    const trial = await open(journal);
    setTimeout(() => trial.stop(), 500);
    const hanging = fakeExperiment("a", { fault: "hang" });
    expect((await trial.perform(hanging, faultyStep)).outcome).toBe("stopped");
    expect((await trial.perform(three[1]!, faultyStep)).outcome).toBe("not-run");
    trial.dispose();
    expect([...(await performAll(await open(journal), three)).values()]).toEqual([
      "passed",
      "passed",
      "passed",
    ]);
  });

  test("the machine died of a step in an earlier trial, it is not repeated", async () => {
    const killers = new Set(["a"]);
    const trial = await Trial.open({ host, confinement, journal: newJournal(), killers });
    const result = await trial.perform(three[0]!, faultyStep);
    expect(result).toMatchObject({ outcome: "not-run" });
    expect(result.detail).toMatch(/hung or rebooted the machine in an earlier trial/);
    trial.dispose();
  });
});

function eventsOf(bytes: Buffer): { event: string; step?: string }[] {
  const text = bytes.toString("utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { event: string; step?: string });
}
