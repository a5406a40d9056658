import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../test/command.ts";
import { type Host, machineHost } from "../host/index.ts";
import { arm, disarm, unitText } from "./arm.ts";

// A home and a systemctl of our own: nothing of this machine is touched.

const removals: (() => Promise<void>)[] = [];
let folder: string;
let host: Host;
beforeEach(async () => {
  const made = await temporaryFolder();
  removals.push(made.remove);
  folder = made.folder;
  host = sandbox("exit 0");
});
afterAll(async () => {
  for (const remove of removals) await remove();
});

/** A machine whose systemctl notes what it is asked, and then does `ending`. */
function sandbox(ending: string): Host {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  const script = `#!/bin/sh\necho "$@" >> ${join(folder, "asked")}\n${ending}\n`;
  writeFileSync(join(bin, "systemctl"), script);
  chmodSync(join(bin, "systemctl"), 0o755);
  return machineHost(
    { HOME: join(folder, "home"), PATH: `${bin}:/usr/bin:/bin`, HSA_ENABLE_SDMA: "0", SECRET: "x" },
    folder,
  );
}

const unit = () => join(folder, "home/.config/systemd/user/rekindle-validate.service");
const asked = () => readFileSync(join(folder, "asked"), "utf8").trim().split("\n");
const armed = {
  command: ["/usr/bin/env", "true", "--target", "torch:/a b/100%$x/python"],
  what: "rekindle validate",
};

describe("a service that goes on after a restart", () => {
  test("is installed and enabled, and removes itself", async () => {
    const { path } = await arm(host, armed);
    expect(path).toBe(unit());
    expect(asked()).toEqual(["--user daemon-reload", "--user enable rekindle-validate.service"]);
    expect(await disarm(host)).toBe(true);
    expect(existsSync(unit())).toBe(false);
    expect(asked()).toContain("--user disable rekindle-validate.service");
    expect(await disarm(host)).toBe(false);
  });

  test("takes along what decides the result, and nothing else", () => {
    const text = unitText(armed, host.env);
    expect(text).toContain("Environment=HSA_ENABLE_SDMA=0");
    expect(text).toMatch(/Environment=PATH=/);
    expect(text).not.toMatch(/SECRET|HOME/);
    expect(text).toContain('"torch:/a b/100%%$$x/python"');
    expect(text).not.toMatch(/Restart=/);
  });

  test("that systemd refuses leaves nothing behind", async () => {
    const refusing = sandbox("echo 'Failed to connect to bus' >&2; exit 1");
    const error = await arm(refusing, armed).catch((e) => e);
    expect(error).toMatchObject({
      code: "usage",
      message: expect.stringMatching(/Failed to connect to bus/),
    });
    expect(existsSync(unit())).toBe(false);
  });

  const analyze = spawnSync("systemd-analyze", ["--version"]);
  test.skipIf(analyze.status !== 0)("is one that systemd reads without a complaint", async () => {
    const { path } = await arm(host, armed);
    const { status, stderr } = spawnSync("systemd-analyze", ["--user", "verify", path], {
      encoding: "utf8",
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
    });
    expect(stderr.split("\n").filter((line) => line.includes("rekindle-validate"))).toEqual([]);
    expect(status).toBe(0);
  });

  test("cannot hold a line break", () => {
    const command = ["node", "a\nExecStartPost=rm"];
    expect(() => unitText({ command, what: "x" }, {})).toThrow(/line break/);
  });
});
