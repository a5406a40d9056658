import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";

const python = fileURLToPath(new URL("../../test/trial/fake-python.mjs", import.meta.url));
let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

const validate = (words: readonly string[], more: Record<string, string> = {}) => {
  const env = { PATH: process.env.PATH!, HOME: folder, XDG_STATE_HOME: join(folder, "state") };
  return command(folder, ["validate", ...words], { env: { ...env, ...more } });
};

describe("rekindle validate", () => {
  test.each([
    [["--target", "rocm"], /engine, ort, torch or torch:PYTHON/],
    [["--target", "engine:python"], /engine, ort, torch or torch:PYTHON/],
    [["--soak", "soon"], /It must be a time of at most a week: 90s, 30m, 2h/],
    [["--soak", "0s"], /It must be a time/],
    [["--soak", "999999h"], /It must be a time/],
    [["--shapes", "999999999"], /at least 1 and at most 100000/],
    [["--arm", "0"], /at least 1/],
    [["--target", "torch:no-such-python"], /cannot be found/],
  ])("%j is refused", async (words, message) => {
    const { code, err } = await validate(words);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });

  test("torch:~/... is below the home folder, which shells leave as it is there", async () => {
    symlinkSync(python, join(folder, "python"));
    const override = { HSA_OVERRIDE_GFX_VERSION: "10.3.0" };
    const { err } = await validate(["--target", "torch:~/python"], override);
    // It was found, and its build looked at.
    expect(err).toMatch(/not under load/);
  });

  test("does not load a card that runs code for another", async () => {
    const override = { HSA_OVERRIDE_GFX_VERSION: "10.3.0" };
    const { code, err } = await validate(["--target", `torch:${python}`], override);
    expect(code).toBe(2);
    expect(err).toMatch(/not under load: HSA_OVERRIDE_GFX_VERSION=10\.3\.0/);
    expect(err).toMatch(/fix: unset/);
  });

  test("--arm goes on after each restart, and ends by itself", async () => {
    const bin = join(folder, "arming");
    mkdirSync(bin);
    writeFileSync(join(bin, "systemctl"), "#!/bin/sh\nexit 0\n");
    chmodSync(join(bin, "systemctl"), 0o755);
    const path = { PATH: `${bin}:${process.env.PATH}` };
    const unit = join(folder, ".config/systemd/user/rekindle-validate.service");
    const words = ["--target", `torch:${python}`, "--soak", "1s", "--shapes", "10", "--quick"];
    const first = await validate([...words, "--arm", "2"], path);
    expect(first.err).toMatch(/armed: it runs again after the next restart/);
    for (const left of ["1", "0"]) {
      const start = /^ExecStart=(.*)$/m.exec(readFileSync(unit, "utf8"))![1]!.split(" ");
      const again = start.slice(start.indexOf("validate") + 1);
      expect(again).toEqual([...words, "--armed", left]);
      await validate(again, path);
      expect(existsSync(unit)).toBe(left !== "0");
    }
  });

  test("Ctrl-C ends it in good order, and arms nothing", async () => {
    const settings = { XDG_STATE_HOME: join(folder, "stopped") };
    const stopped = validate(["--target", `torch:${python}`, "--quick"], settings);
    const journals = join(folder, "stopped/rekindle/validations");
    const hasBegun = () =>
      existsSync(journals) &&
      readdirSync(journals).some((name) =>
        readFileSync(join(journals, name), "utf8").includes('"begin"'),
      );
    while (!hasBegun()) await new Promise((resolve) => setTimeout(resolve, 50));
    process.emit("SIGINT");
    const { code, out } = await stopped;
    expect(code).toBe(2);
    expect(out).toMatch(/^Stopped before the end\.$/m);
    expect(existsSync(join(journals, "history.jsonl"))).toBe(false);
  });

  test("--disarm removes the service", async () => {
    const bin = join(folder, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "systemctl"), "#!/bin/sh\nexit 0\n");
    chmodSync(join(bin, "systemctl"), 0o755);
    const path = { PATH: `${bin}:/usr/bin:/bin` };
    expect((await validate(["--disarm"], path)).out).toBe("nothing was armed\n");
    const units = join(folder, ".config/systemd/user");
    mkdirSync(units, { recursive: true });
    const unit = join(units, "rekindle-validate.service");
    writeFileSync(unit, "");
    expect((await validate(["--disarm"], path)).code).toBe(0);
    expect(existsSync(unit)).toBe(false);
  });
});
