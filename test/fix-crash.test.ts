import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildPackage } from "./built.ts";
import { temporaryFolder } from "./command.ts";
import { machines } from "./machines.ts";
import { everything, makeMachine, planOf } from "./remedies/machine.ts";
import { treeLines } from "./remedies/sandbox.ts";

// The built command: a fix is killed, or the disk is full, at a write to its journal; then it goes
// on, or back. And what is verified by processes of the command itself.

let built: string;
let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  built = await buildPackage();
  ({ folder, remove } = await temporaryFolder());
});
afterAll(async () => {
  await rm(built, { recursive: true });
  await remove();
});

const runner = fileURLToPath(new URL("remedies/runner.mjs", import.meta.url));
const wanted = new Set(["edit", "remove", "install", "build"]);
const plan = planOf(everything("http://127.0.0.1/").filter(({ id }) => wanted.has(id)));

interface Place {
  readonly folder: string;
  readonly root: string;
  readonly before: readonly string[];
}

async function place(name: string): Promise<Place> {
  const root = join(folder, name, "machine");
  await makeMachine(root);
  await mkdir(join(folder, name, "fix"));
  return { folder: join(folder, name, "fix"), root, before: await treeLines(root) };
}

async function drop(name: string): Promise<void> {
  await chmod(join(folder, name, "machine/opt/rocm/patched/closed"), 0o755).catch(() => undefined);
  await rm(join(folder, name), { recursive: true });
}

interface Ran {
  readonly signal: string | null;
  readonly err: string;
  readonly result?: { readonly outcome: string; readonly writes: number };
}

function run({ folder: fix, root }: Place, more: object = {}): Promise<Ran> {
  const args = [runner, join(built, "dist"), JSON.stringify({ folder: fix, root, plan, ...more })];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, out, err) =>
      resolve({
        signal: error?.signal ?? null,
        err,
        ...(out.startsWith("{") && { result: JSON.parse(out) }),
      }),
    );
  });
}

async function expectDone({ root }: Place): Promise<void> {
  expect(await readFile(join(root, "etc/environment"), "utf8")).toBe("PATH=/usr/bin\n");
  expect(await readFile(join(root, "var/db/packages"), "utf8")).toBe("base\nhalf\nwhole\n");
  // What was built before the interruption is not built again.
  expect(await readFile(join(root, "people/alice/built"), "utf8")).toBe("a\nb\nc\n");
  expect((await treeLines(root)).some((line) => /patched|draft/.test(line))).toBe(false);
}

test("killed after any write, it goes on or is taken back", async () => {
  const whole = await place("whole");
  const { result } = await run(whole);
  expect(result?.outcome).toBe("worked");
  await expectDone(whole);
  await drop("whole");
  for (let at = 1; at <= result!.writes; at++) {
    const name = `after-${at}`;
    const here = await place(name);
    expect((await run(here, { at, how: at % 5 === 0 ? "amid" : "after" })).signal).toBe("SIGKILL");
    if (at % 2 === 0) {
      expect((await run(here)).result?.outcome).toBe("worked");
      await expectDone(here);
    } else {
      expect((await run(here, { undo: true })).result?.outcome).toBe("undone");
      expect(await treeLines(here.root)).toEqual(here.before);
    }
    await drop(name);
  }
}, 300_000);

test("killed while it goes back, it goes on going back", async () => {
  for (const at of [3, 4]) {
    const name = `back-${at}`;
    const here = await place(name);
    await run(here);
    expect((await run(here, { undo: true, at, how: "after" })).signal).toBe("SIGKILL");
    // Forwards is no longer possible.
    expect((await run(here)).result?.outcome).toBe("undone");
    expect(await treeLines(here.root)).toEqual(here.before);
    await drop(name);
  }
});

test("a full disk at a write of the journal: rolled back", async () => {
  for (const at of [3, 7]) {
    const name = `full-${at}`;
    const here = await place(name);
    expect((await run(here, { at, how: "full disk" })).result?.outcome).toBe("rolled-back");
    expect(await treeLines(here.root)).toEqual(here.before);
    await drop(name);
  }
});

test("killed amid a program: what it left running is ended, and all is done", async () => {
  const here = await place("amid");
  // As installing takes its time, and knows no half.
  const tool = join(here.root, "usr/bin/tool");
  const slow = join(here.folder, "slow");
  const text = await readFile(tool, "utf8");
  const line = 'echo "[1/2] half way"';
  const sleep = `if [ -e '${slow}' ]; then echo $$ > '${slow}'; ${line}; sleep 600; fi`;
  await writeFile(
    tool,
    text.replace(line, () => sleep),
  );
  await writeFile(slow, "");
  const order = { folder: here.folder, root: here.root, plan };
  const child = spawn(process.execPath, [runner, join(built, "dist"), JSON.stringify(order)]);
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk;
    if (err.includes("half way")) child.kill("SIGKILL");
  });
  const [, signal] = await once(child, "close");
  expect(signal, err).toBe("SIGKILL");
  const leftRunning = Number(await readFile(slow, "utf8"));
  await rm(slow);
  // Its packages are outside of what is kept: a real installer's own database goes on from there.
  const again = await run(here);
  expect(again.result?.outcome, again.err).toBe("worked");
  // One that has ended has no command line, even where nobody asks for its status.
  expect(leftRunning).toBeGreaterThan(1);
  expect(await readFile(`/proc/${leftRunning}/cmdline`, "utf8").catch(() => "")).toBe("");
  expect(await readFile(join(here.root, "people/alice/project/new/deep/file"), "utf8")).toBe(
    "made\n",
  );
  await drop("amid");
}, 300_000);

test.each([
  ["a card", true, 3, /FAILED {2}engine: everything is as it was before/],
  ["no card", false, 1, /DONE, NOT PROVEN {2}engine/],
] as const)(
  "nothing to install on a machine with %s: verified all the same",
  async (...row) => {
    const [name, hasCard, code, told] = row;
    const { facts } = machines.find((one) => one.name === "rx5600xt-amd-wheel")!;
    const { gpus: _, ...without } = facts;
    const file = join(folder, `facts-${hasCard}.json`);
    await writeFile(file, JSON.stringify(hasCard ? facts : without));
    const args = [join(built, "dist/cli/main.js"), "fix", "engine", "--facts", file, "--yes"];
    // No GPU and none that is emulated, whatever this machine has.
    const VK_DRIVER_FILES = join(folder, "none.json");
    const env = { PATH: process.env.PATH, HOME: folder, XDG_STATE_HOME: join(folder, name) };
    const ran = await new Promise<{ code: unknown; out: string }>((resolve) => {
      execFile(process.execPath, args, { env: { ...env, VK_DRIVER_FILES } }, (error, out, err) =>
        resolve({ code: error?.code ?? 0, out: out + err }),
      );
    });
    expect(ran.out).toMatch(told);
    expect(ran.out).toMatch(/verify: engine\/device/);
    expect(ran.out).toMatch(/no\s+GPU\s+was\s+found/);
    expect(ran.code).toBe(code);
  },
  120_000,
);
