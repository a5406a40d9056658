import { describe, expect, test } from "vitest";
import { treeHost } from "../../test/tree-host.ts";
import { machineHost, parseRecording, recordingHost, replayHost } from "../host/index.ts";
import { examine, merge } from "./examine.ts";
import { factsSchema } from "./facts.ts";
import { isRelevant, type Probe } from "./probes/index.ts";

const probe = (name: string, learn: Probe["learn"], more: Partial<Probe> = {}): Probe => ({
  name,
  what: name,
  timeoutMs: 2000,
  learn,
  ...more,
});
const fine = probe("fine", async () => ({ rocm: [] }));

describe("examining", () => {
  test("a probe that fails leaves its facts unknown and stops no other", async () => {
    const broken = probe(
      "broken",
      async () => {
        throw new Error("no such thing\nat line 1");
      },
      { byHand: "look there" },
    );
    const facts = await examine(treeHost({ files: {} }), { stages: [[broken, fine]] });
    expect(facts).toEqual({
      version: 1,
      rocm: [],
      unknown: [{ probe: "broken", reason: "no such thing", command: "look there" }],
    });
  });

  test("a probe that never answers is given up", async () => {
    const stuck = probe("stuck", () => new Promise(() => undefined), { timeoutMs: 50 });
    const facts = await examine(treeHost({ files: {} }), { stages: [[stuck, fine]] });
    expect(facts.unknown).toEqual([{ probe: "stuck", reason: "no answer in 0.05 s" }]);
    expect(facts.rocm).toEqual([]);
  });

  test("a program that hangs is cut off, and the rest is learned", async () => {
    const slow = probe("slow", async (host) => {
      const { problem } = await host.run("sleep", ["30"], { timeoutMs: 100 });
      throw new Error(`sleep: ${problem}`);
    });
    const start = performance.now();
    const facts = await examine(machineHost(), { stages: [[slow, fine]] });
    expect(facts.unknown?.[0]?.reason).toBe("sleep: timeout");
    expect(performance.now() - start).toBeLessThan(25_000);
  });

  test("probes run only on their systems, and later stages see the earlier ones", async () => {
    const windows = probe("w", async () => ({ torch: [] }), { systems: ["win32"] });
    const late = probe("late", async (_, known) => ({ libraries: known.rocm ? [] : undefined! }));
    const facts = await examine(treeHost({ files: {} }), { stages: [[windows, fine], [late]] });
    expect(facts).toEqual({ version: 1, rocm: [], libraries: [] });
  });

  test("progress names what still runs", async () => {
    const seen: (readonly string[])[] = [];
    const stages = [[fine, probe("other", async () => ({}))]];
    await examine(treeHost({ files: {} }), { stages, onProgress: (running) => seen.push(running) });
    expect(seen).toEqual([["other"], []]);
  });
});

describe("a recorded machine", () => {
  // WebGPU is asked through the built command, which a source tree does not have.
  test("this one: replay gives the same facts, within some seconds", async () => {
    const recorder = recordingHost(machineHost(), isRelevant);
    const start = performance.now();
    const facts = await examine(recorder.host);
    expect(performance.now() - start).toBeLessThan(40_000);
    const recording = parseRecording(JSON.stringify(recorder.recording()), "r.json");
    const replayed = await examine(replayHost(recording));
    const ofWebgpu = ({ probe: name }: { probe: string }) => name !== "webgpu";
    expect({ ...replayed, unknown: replayed.unknown?.filter(ofWebgpu) }).toEqual({
      ...facts,
      unknown: facts.unknown?.filter(ofWebgpu),
    });
    expect(factsSchema.parse(facts)).toEqual(facts);
    expect(facts.os?.platform).toBe(process.platform);
  });
});

test("facts of one GPU join by its address", () => {
  const gpus = [{ pciAddress: "a", pcie: { width: 16 } }, { pciAddress: "b" }];
  const more = { gpus: [{ pciAddress: "a", gfx: "gfx1010", pcie: { atomics: true } }] };
  expect(merge({ version: 1, gpus }, more).gpus).toEqual([
    { pciAddress: "a", gfx: "gfx1010", pcie: { width: 16, atomics: true } },
    { pciAddress: "b" },
  ]);
  expect(merge({ version: 1 }, { gpus: [{ name: "x" }, { name: "y" }] }).gpus).toHaveLength(2);
});
