import { spawn } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildPackage } from "../../test/built.ts";
import { command, temporaryFolder } from "../../test/command.ts";
import type { TrialReport } from "../trial/index.ts";

// A program that speaks as the steps of PyTorch do stands in for Python.

const python = fileURLToPath(new URL("../../test/trial/fake-python.mjs", import.meta.url));
let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

const env = { PATH: process.env.PATH!, HOME: "/nowhere" };
const state = () => ({ ...env, XDG_STATE_HOME: join(folder, "state") });
const trial = (...words: string[]) =>
  command(folder, ["trial", "--python", python, ...words], { env: state() });

const pause = () => new Promise((resolve) => setTimeout(resolve, 100));

/** What the files of a folder hold; none where it is not there yet. */
function texts(journals: string): string[] {
  if (!existsSync(journals)) return [];
  return readdirSync(journals).map((name) => readFileSync(join(journals, name), "utf8"));
}

describe("rekindle trial", () => {
  test("finds the smallest changes that help, and the lines to add", async () => {
    const only = ["--only", "conv/channels-last", "conv/f16", "conv/usual", "norm/train-f16"];
    const { code, out, err } = await trial(...only, "--json");
    expect(err).toBe("");
    const report = JSON.parse(out) as TrialReport;
    expect(report).toMatchObject({
      schema: "rekindle-trial/1",
      subject: `torch 2.11.0+rocm7.14.0 (${python})`,
      device: "AMD Radeon RX 5600 XT",
      isComplete: true,
      counts: { passed: 1, failed: 4, "left-out": 0 },
    });
    const lines = Object.fromEntries(report.search!.changes.map((c) => [c.experiment, c.line]));
    const nhwc =
      'import os; os.environ["PYTORCH_MIOPEN_SUGGEST_NHWC"] = "0"  # before: import torch';
    expect(lines).toEqual({
      "torch/conv/channels-last": nhwc,
      "torch/conv/f16": "torch.backends.cudnn.enabled = False",
      "torch/conv/f16-channels-last": nhwc,
      "torch/batch-norm/train-f16": undefined,
    });
    // What helped before is tried first.
    const attempts = report.search!.attempts.filter((a) =>
      a.experiment.endsWith("f16-channels-last"),
    );
    expect(attempts.map((a) => a.switch)).toEqual(["no-suggest-nhwc"]);
    expect(report.steps.find((s) => s.id.includes("norm"))).toMatchObject({ outcome: "signal" });
    expect(code).toBe(1);
  });

  test("as text: a line for each step, and what helps", async () => {
    const { out } = await trial("--only", "conv/channels-last", "conv/usual");
    expect(out).toMatch(/^torch 2\.11\.0\+rocm7\.14\.0 .* on AMD Radeon RX 5600 XT\n/);
    expect(out).toMatch(/^passed +torch\/conv\/usual /m);
    expect(out).toMatch(/^error +torch\/conv\/channels-last +RuntimeError: miopenStatusUnknown/m);
    expect(out).toMatch(/add: {4}import os; os\.environ\["PYTORCH_MIOPEN_SUGGEST_NHWC"\] = "0"/);
    expect(out).toMatch(/^1 step passed, 1 failed\n/m);
  });

  test("takes no greater risk than it is told to", async () => {
    const { out, code } = await trial("--only", "network/small", "--json");
    const { steps } = JSON.parse(out) as TrialReport;
    expect(new Set(steps.map(({ outcome }) => outcome))).toEqual(new Set(["not-run"]));
    expect(steps[0]!.detail).toMatch(/may hang or reset the GPU: --risk hang includes it/);
    // Nothing was tried: that is no success.
    expect(code).toBe(2);
    const shown = await trial("--only", "network/");
    expect(shown.out).toMatch(
      /^not run +7 others +it may hang or reset the GPU: --risk hang incl/m,
    );
    expect(shown.out).toMatch(/^Nothing could be tried: rekindle doctor says why\.$/m);
    const refused = await trial("--risk", "hang");
    expect([refused.code, refused.err]).toEqual([2, expect.stringMatching(/add --yes/)]);
  });

  test("under an override for another card all may hang, and the worst is refused", async () => {
    const list = async (override: string) => {
      const settings = { ...state(), HSA_OVERRIDE_GFX_VERSION: override };
      const words = ["trial", "--python", python, "--list", "--only", "conv/usual", "--json"];
      const { out } = await command(folder, words, { env: settings });
      return (JSON.parse(out) as { risk: string }[])[0]!.risk;
    };
    expect(await list("10.3.0")).toBe("hang");
    expect(await list("9.4.0")).toBe("refused");
  });

  test("a Python without torch, or that is none, is told apart", async () => {
    const program = (name: string, text: string, mode = 0o755) => {
      writeFileSync(join(folder, name), text);
      chmodSync(join(folder, name), mode);
      return `./${name}`;
    };
    const bare = await trial("--python", program("bare", "#!/bin/sh\n"));
    expect([bare.code, bare.err]).toEqual([2, expect.stringMatching(/\.\/bare has no torch/)]);
    const broken = await trial(
      "--python",
      program("broken", "#!/bin/sh\necho 'bad path' >&2\nexit 3"),
    );
    expect(broken.err).toMatch(/\.\/broken does not run: bad path/);
    const atHome = await trial("--python", "~/none/bin/python");
    expect(atHome.err).toMatch(/the Python ~\/none\/bin\/python cannot be found/);
    const text = await trial("--python", program("text", "#!/bin/sh\n", 0o644));
    expect(text.err).toMatch(/\.\/text is no program that may be run/);
  });

  test.each([
    [["--python", "no-such-python"], /the Python no-such-python cannot be found/],
    [["--only", "nonsense"], /no experiment's id contains nonsense/],
    [["--resume", "--journal", "none.jsonl"], /journal none.jsonl does not exist/],
    [["--target", "ort"], /--target ort takes no --python/],
    [["--target", "tensorflow"], /argument 'tensorflow' is invalid/],
  ])("%j is refused", async (words, message) => {
    const { code, err } = await trial(...words);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });

  test("Ctrl-C ends it in good order, and --resume goes on", async () => {
    const settings = { ...env, XDG_STATE_HOME: join(folder, "stopped"), FAKE_HANG: "never" };
    const words = ["trial", "--python", python, "--only", "conv/usual", "conv/transposed"];
    const stopped = command(folder, words, { env: settings });
    const isAt = /"step":"torch\/conv\/transposed","at":"compute/;
    const journals = join(folder, "stopped/rekindle/trials");
    while (!texts(journals).some((text) => isAt.test(text))) await pause();
    process.emit("SIGINT");
    const { code, out } = await stopped;
    expect(code).toBe(2);
    expect(out).toMatch(/^stopped +torch\/conv\/transposed +stopped at /m);
    expect(out).toMatch(/^Stopped before the end: rekindle trial --resume goes on\.$/m);
    const { FAKE_HANG: _, ...answering } = settings;
    const resumed = await command(folder, ["trial", "--resume", "--json"], { env: answering });
    expect((JSON.parse(resumed.out) as TrialReport).counts.passed).toBe(2);
  });

  test("lists what it would do", async () => {
    const { out } = await trial("--list", "--only", "conv/");
    expect(out).toMatch(/^torch\/conv\/minimal +may crash the process +the smallest Conv2d/m);
    const engine = await command(folder, ["trial", "--target", "engine", "--list"], { env });
    expect(engine.out).not.toMatch(/backward|bf16|training/);
  });
});

describe("a trial that is killed", () => {
  let built: string;
  beforeAll(async () => {
    built = await buildPackage();
  });
  afterAll(() => rm(built, { recursive: true }));

  test("says at the next start what it was doing, and goes on with --resume", async () => {
    const home = join(folder, "killed");
    const answered = join(folder, "answered");
    const settings = { ...env, XDG_STATE_HOME: home, FAKE_HANG: answered };
    const words = ["--python", python, "--only", "conv/usual", "conv/transposed", "conv/no-bias"];
    const child = spawn(process.execPath, [join(built, "dist/cli/main.js"), "trial", ...words], {
      env: settings,
      stdio: "ignore",
    });
    const journals = join(home, "rekindle", "trials");
    const hasBegun = () => {
      const text = texts(journals).join("");
      return /"begin".*transposed/.test(text) && /"at":"compute/.test(text.split("transposed")[1]!);
    };
    while (!hasBegun()) await pause();
    child.kill("SIGKILL");
    await new Promise((resolve) => child.on("exit", resolve));
    writeFileSync(answered, "");

    const resumed = await command(folder, ["trial", "--resume", "--json"], { env: settings });
    const report = JSON.parse(resumed.out) as TrialReport;
    expect(report.steps.map(({ id, outcome }) => [id, outcome])).toEqual([
      ["torch/conv/usual", "passed"],
      ["torch/conv/transposed", "interrupted"],
      ["torch/conv/no-bias", "passed"],
    ]);
    expect(texts(journals).length).toBe(1);

    const again = await command(folder, ["trial", ...words, "--json"], { env: settings });
    expect((JSON.parse(again.out) as TrialReport).counts.passed).toBe(3);
    rmSync(answered);
  });
});
