import { readdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";
import { machines } from "../../test/machines.ts";
import { treeLines } from "../../test/remedies/sandbox.ts";
import type { Facts } from "../doctor/index.ts";
import { usualOnFailure } from "../remedies/index.ts";

// The commands plan, fix, undo and history, on a machine in a folder.

let folder: string;
let remove: () => Promise<void>;
const home = "/people/alice";
const profile = "export A=1\nexport HSA_OVERRIDE_GFX_VERSION=10.3.0\n";

beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  await mkdir(join(folder, "machine", home), { recursive: true });
  await writeFile(join(folder, "machine", home, ".bashrc"), profile);
  const { facts } = machines.find(({ name }) => name === "rx5600xt-stock-wheel")!;
  const setting = { name: "HSA_OVERRIDE_GFX_VERSION", value: "10.3.0", line: 2 };
  const known: Facts = { ...facts, settings: [{ ...setting, file: "~/.bashrc" }] };
  await writeFile(join(folder, "facts.json"), JSON.stringify(known));
});
afterEach(() => remove());

const env = () => ({ PATH: process.env.PATH!, HOME: home, XDG_STATE_HOME: join(folder, "state") });
const run = (...argv: string[]) => command(folder, argv, { env: env() });
const onMachine = ["--root", "machine", "--facts", "facts.json"];
const fix = (...argv: string[]) => run("fix", "clear-overrides", ...onMachine, ...argv);
const bashrc = () => readFile(join(folder, "machine", home, ".bashrc"), "utf8");
const tree = () => treeLines(join(folder, "machine"));

test("plan: one path, then the table", async () => {
  const { code, out } = await run("plan", "--facts", "facts.json", "--html", "plan.html");
  expect(code).toBe(0);
  expect(out).toMatch(/RECOMMENDED\n {2}what +AMD's own PyTorch wheels/);
  expect(out).toMatch(/do +rekindle fix clear-overrides, then\s+rekindle fix amd-wheels/);
  expect(out).toMatch(/\n {2}1 +amd-wheels/);
  const html = await readFile(join(folder, "plan.html"), "utf8");
  expect(html).toMatch(/^<!doctype html>[\s\S]*rekindle fix amd-wheels[\s\S]*<\/html>\n$/);
  expect(html).toMatch(/<td>1<\/td><td>amd-wheels<\/td><td>slowly<\/td>/);
});

test("fix of what only a person can do says what to do", async () => {
  const { code, out } = await run("fix", "gentoo-packages");
  expect([code, out]).toEqual([0, expect.stringMatching(/^1\. Add the card to the targets/m)]);
  const { err } = await run("fix", "gentoo-packages", "--yes");
  expect(err).toMatch(/nothing that a program can do[\s\S]*rekindle fix gentoo-packages says/);
});

test("plan --json, with wishes", async () => {
  const argv = ["--json", "--want", "infer", "--offline", "--max-disk", "1 GB", "--no-root"];
  const { code, out } = await run("plan", "--facts", "facts.json", ...argv);
  const { schema, wishes, leftOut } = JSON.parse(out);
  expect([code, schema]).toEqual([0, "rekindle-plan/1"]);
  expect(wishes).toMatchObject({ want: "infer", offline: true, noRoot: true, diskBytesMax: 1e9 });
  const wheels = leftOut.find(({ id }: { id: string }) => id === "amd-wheels");
  expect(wheels.reasons).toEqual(["it downloads 4 GB", "it needs 16 GB of disk"]);
  expect((await run("plan", "--max-disk", "big")).err).toMatch(/size with its unit/);
});

test("fix shows exact changes and does nothing", async () => {
  const before = await tree();
  const { code, out } = await fix();
  expect(code).toBe(0);
  expect(out).toContain("-export HSA_OVERRIDE_GFX_VERSION=10.3.0");
  expect(out).toContain("touches /people/alice/.bashrc");
  expect(out).toMatch(
    /Nothing was changed. To do it: rekindle fix clear-overrides --facts facts.json --yes/,
  );
  expect(await tree()).toEqual(before);
  const { plan, outcome } = JSON.parse((await fix("--json")).out);
  expect(outcome).toBe("not-run");
  expect(plan.steps[0].kind).toBe("write");
  expect((await run("history")).out).toMatch(/Nothing was done/);
});

test("fix --yes, history, undo", async () => {
  const before = await tree();
  const done = await fix("--yes");
  expect(done.out).toMatch(/^DONE {2}clear-overrides is in place and verified/);
  expect(done.code).toBe(0);
  expect(done.err).toMatch(/\[1\/1\] take HSA_OVERRIDE_GFX_VERSION out of ~\/.bashrc/);
  expect(await bashrc()).not.toContain("10.3.0");
  const list = (await run("history")).out;
  const id = list.split(" ")[0]!;
  expect(list).toMatch(/clear-overrides .* in place, verified/);
  expect((await run("history", id)).out).toMatch(/edit|take HSA_OVERRIDE.*: done/);

  const shown = await run("undo");
  expect(shown.out).toMatch(/puts back .*\.bashrc\n[\s\S]*Nothing was changed/);
  expect(await bashrc()).not.toContain("10.3.0");
  const undone = await run("undo", id, "--yes");
  expect([undone.code, undone.out]).toEqual([0, expect.stringMatching(/^UNDONE/)]);
  expect(await tree()).toEqual(before);
  expect((await run("undo")).err).toMatch(/nothing to take back/);
  expect((await run("history", "--json")).out).toContain('"outcome": "undone"');
  await writeFile(join(folder, "state/rekindle/fixes", id, "journal.jsonl"), '{"event":"no"}\n');
  expect((await run("history")).err).toMatch(/the journal in .* is damaged/);
});

test("what was changed since is only put back when forced, and kept", async () => {
  await fix("--yes");
  await writeFile(join(folder, "machine", home, ".bashrc"), "mine\n");
  const refused = await run("undo", "--yes");
  expect(refused.code).toBe(2);
  expect(refused.err).toMatch(/\.bashrc was changed since/);
  expect((await run("undo", "--yes", "--force")).code).toBe(0);
  expect(await bashrc()).toBe(profile);
  const [{ folder: place }] = JSON.parse((await run("history", "--json")).out);
  expect(await readFile(join(place, "changed-since", "0"), "utf8")).toBe("mine\n");
});

test("a fix that fails is rolled back, with the next best: exit code 3", async () => {
  const before = await tree();
  const more = ["--set", "python=no-such-python", "--set", "folder=/people/alice/env"];
  const failed = await run("fix", "cpu", ...onMachine, ...more, "--yes");
  expect(failed.code).toBe(3);
  expect(failed.out).toMatch(/FAILED {2}cpu: everything is as it was before/);
  expect(failed.out).toMatch(/no-such-python needs the modules\s+venv/);
  expect(failed.out).toMatch(/Next best: rekindle fix amd-wheels/);
  expect(await tree()).toEqual(before);
});

test("what failed is kept where that is asked for: gone on with, or taken back", async () => {
  const other = await failCure();
  const before = await tree();
  const rolledBack = await fix("--yes");
  expect([rolledBack.code, rolledBack.out]).toEqual([3, expect.stringMatching(/^FAILED/)]);
  expect(await bashrc()).toBe(profile);

  const kept = await fix("--yes", "--on-failure", "keep");
  expect([kept.code, kept.out]).toEqual([2, expect.stringMatching(/what is done so far is left/)]);
  expect(await bashrc()).not.toContain("10.3.0");
  const [id] = /\S+-2/.exec((await run("history")).out)!;
  expect((await run("history")).out).toMatch(/-2 .* failed, left as it is: --resume or undo/);
  expect((await fix("--yes")).err).toMatch(new RegExp(`${id} \\(clear-overrides\\) is open`));
  const again = await run("fix", "--resume", id, ...onMachine, "--on-failure", "keep", "--json");
  expect(JSON.parse(again.out)).toMatchObject({ outcome: "kept", proofs: [{ answer: "failed" }] });

  await writeFile(other, "");
  const done = await run("fix", "--resume", ...onMachine);
  expect([done.code, done.out]).toEqual([0, expect.stringMatching(/^DONE .* and verified/)]);
  expect((await run("undo", "--yes")).code).toBe(0);
  const apart = (lines: string[]) => lines.filter((line) => !line.startsWith("etc/environment "));
  expect(apart(await tree())).toEqual(apart(before));
});

/** A setting that the facts do not know of, so that clear-overrides fails its verification. */
async function failCure(): Promise<string> {
  const file = join(folder, "machine/etc/environment");
  await mkdir(join(folder, "machine/etc"));
  await writeFile(file, "HSA_OVERRIDE_GFX_VERSION=10.3.0\n");
  return file;
}

test("a fix of other files may begin while one is open", async () => {
  await failCure();
  await fix("--yes", "--on-failure", "keep");
  const python = ["--set", "python=no-such-python"];
  const inWay = ["--set", `folder=${home}/.bashrc/below`, ...python];
  const refused = await run("fix", "cpu", ...onMachine, ...inWay, "--yes");
  expect(refused.err).toMatch(/\(clear-overrides\) is open/);
  const aside = ["--set", `folder=${home}/env`, ...python];
  // It fails for a reason of its own.
  expect((await run("fix", "cpu", ...onMachine, ...aside, "--yes")).code).toBe(3);
});

test("Ctrl-C ends the program that runs; then it is taken back", async () => {
  const before = await tree();
  // It knows its modules, and takes for ever to make an environment.
  const python = join(folder, "python");
  await writeFile(python, '#!/bin/sh\n[ "$1" = -c ] || exec sleep 600\n', { mode: 0o755 });
  const options = ["--set", `python=${python}`, "--set", `folder=${home}/new/env`];
  const running = run("fix", "cpu", ...onMachine, ...options, "--yes");
  const fixes = join(folder, "state/rekindle/fixes");
  const log = async () => await readFile(join(fixes, readdirSync(fixes)[0]!, "log.txt"), "utf8");
  while (!(await log().catch(() => "")).includes("-m venv")) await pause();
  process.emit("SIGINT");
  const { code, out } = await running;
  expect([code, out]).toEqual([2, expect.stringMatching(/^STOPPED[\s\S]*To go on: .*--resume/)]);
  expect((await run("history")).out).toMatch(/open: --resume or undo/);
  expect((await run("undo", "--yes")).out).toMatch(
    /^UNDONE {2}cpu: everything is as it was before/,
  );
  expect(await tree()).toEqual(before);
});

const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

test("--step asks before each step, and goes on with a yes alone", async () => {
  const before = await tree();
  const saying = (text: string) => Readable.from([text]) as unknown as typeof process.stdin;
  const input = vi.spyOn(process, "stdin", "get").mockReturnValue(saying("n\n"));
  const no = await fix("--step");
  expect([no.code, no.out]).toEqual([2, expect.stringMatching(/^STOPPED/)]);
  expect(await tree()).toEqual(before);
  input.mockReturnValue(saying("y\n"));
  const yes = await run("fix", "--resume", ...onMachine, "--step");
  expect([yes.code, yes.out]).toEqual([0, expect.stringMatching(/^DONE/)]);
  input.mockRestore();
  expect(await bashrc()).not.toContain("10.3.0");
});

test("what cannot be undone is announced, and told again when it is taken back", async () => {
  await mkdir(join(folder, "machine", home, ".cache/miopen"), { recursive: true });
  await writeFile(join(folder, "machine", home, ".cache/miopen/kernels"), "compiled");
  const caches = (...argv: string[]) => run("fix", "clear-caches", ...onMachine, ...argv);
  const gone = /not undone: .*\.cache\/miopen is removed for good/;
  expect((await caches()).out).toMatch(gone);
  const done = await caches("--yes");
  expect(done.err).toMatch(gone);
  expect((await run("undo")).out).toMatch(gone);
  const { out } = await run("undo", "--yes");
  expect(out).toMatch(/^UNDONE {2}clear-caches: all that can be undone is as it was before/);
  expect(out).toMatch(/not undone: .*\.cache\/miopen\s+is removed for good/);
});

test("hours of work are kept by default, minutes are not", () => {
  const cost = (most: number) => ({
    cost: () => ({ minutes: [1, most], downloadBytes: 0, diskBytes: 0, root: false }) as const,
  });
  expect(usualOnFailure(cost(60), { version: 1 })).toBe("rollback");
  expect(usualOnFailure(cost(600), { version: 1 })).toBe("keep");
});

test.each([
  [["fix"], /no remedy is named/],
  [["fix", "amd-wheel"], /did you mean "amd-wheels"/],
  [["fix", "amd-wheels", "--facts", "facts.json", "--set", "chanel=x"], /no option "chanel"/],
  [["fix", "amd-wheels", "--facts", "facts.json", "--set", "channel=x"], /one of stable/],
  [["fix", "--resume"], /nothing is open/],
  [["undo", "2020-01-01-1"], /there is no fix "2020-01-01-1"/],
])("%j: %s", async (argv, message) => {
  const { code, err } = await run(...argv);
  expect(code).toBe(2);
  expect(err).toMatch(message);
});
