import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Host, machineHost } from "./host.ts";
import { parseRecording, recordingHost, replayHost } from "./record.ts";

let folder: string;
let host: Host;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rekindle-record-"));
  await writeFile(join(folder, "vendor"), "0x1002\n");
  await mkdir(join(folder, "drm"));
  host = machineHost({ ...process.env, HSA_SDMA: "1", API_TOKEN: "secret" }, folder);
});
afterAll(() => rm(folder, { recursive: true }));

const node = process.execPath;
const isKept = (name: string) => name.startsWith("HSA_");

/** Every question that a probe may ask. */
async function ask(of: Host) {
  return {
    exists: [await of.exists("vendor"), await of.exists("none")],
    list: [await of.list("."), await of.list("none")],
    text: [await of.readText("vendor"), await of.readText("none"), await of.readText("drm")],
    status: [await of.status("vendor"), await of.status("none")],
    realPath: [await of.realPath("vendor"), await of.realPath("none")],
    free: typeof (await of.freeBytes(".")),
    system: await of.system(),
    run: await of.run(node, ["-e", "console.log(1); console.error(2); process.exit(3)"]),
    missing: await of.run("no-such-program", []),
    learned: await of.learn("sum", async () => ({ sum: 1 + 1 })),
  };
}

describe("a recorded machine", () => {
  test("answers as the machine did, also through JSON", async () => {
    const recorder = recordingHost(host, isKept);
    const answers = await ask(recorder.host);
    expect(answers).toMatchObject({
      text: ["0x1002\n", undefined, undefined],
      run: { status: 3, out: "1\n", err: "2\n" },
      missing: { status: null, problem: "missing" },
    });
    const text = JSON.stringify(recorder.recording());
    expect(text).not.toContain("secret");
    const replayed = replayHost(parseRecording(text, "r.json"));
    const system = await replayed.system();
    expect({ ...(await ask(replayed)), system: undefined }).toEqual({
      ...answers,
      system: undefined,
    });
    expect(system).toEqual(answers.system);
    expect(replayed.env).toEqual({ HSA_SDMA: "1" });
  });

  test("has no door to this machine", async () => {
    const recording = recordingHost(host, isKept).recording();
    const replayed = replayHost(recording);
    expect(await replayed.readText("vendor")).toBeUndefined();
    expect((await replayed.run(node, ["-e", "1"])).problem).toBe("missing");
    await expect(replayed.readFile("vendor", "file")).rejects.toThrow(/not part of the recorded/);
    await expect(replayed.learn("x", async () => 1)).rejects.toThrow(/not part of the recorded/);
  });

  test.each([
    ["[", /no JSON/],
    ['{"version": 1, "platform": "linux", "folder": "/", "env": {}}', /answers/],
  ])("%s is refused", (json, message) => {
    expect(() => parseRecording(json, "r.json")).toThrow(message);
  });
});

describe("running programs", () => {
  test("one that hangs is cut off, with its children", async () => {
    const script = "require('child_process').spawnSync('sleep', ['30'], { stdio: 'inherit' })";
    const start = performance.now();
    const ended = await host.run(node, ["-e", script], { timeoutMs: 500 });
    expect(ended).toMatchObject({ status: null, problem: "timeout" });
    expect(performance.now() - start).toBeLessThan(25_000);
  });

  test("children speak English and load nothing by force", async () => {
    const shim = machineHost({ ...process.env, LD_PRELOAD: "/none.so", LC_ALL: "de_DE" }, folder);
    const script = "console.log(process.env.LC_ALL, process.env.LD_PRELOAD)";
    expect((await shim.run(node, ["-e", script])).out).toBe("C undefined\n");
  });
});
