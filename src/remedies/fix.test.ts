import { existsSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { chmod, mkdir, readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../test/command.ts";
import { everything, makeMachine, payload, planOf } from "../../test/remedies/machine.ts";
import { treeLines } from "../../test/remedies/sandbox.ts";
import { machineHost } from "../host/index.ts";
import { Fix, type FixEvent, type FixOptions, type Step } from "./index.ts";

// Every failure at every step has to end in what was there before, or to be gone on with.

let folder: string;
let remove: () => Promise<void>;
let root: string;
let before: string[];

/** How the server answers, for one test. */
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let server: Server;
let url: string;

const whole = (_: IncomingMessage, response: ServerResponse) => void response.end(payload);

beforeAll(async () => {
  server = createServer((request, response) => answer(request, response));
  // A client that is kept waiting may else use a connection that is being closed.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
});
afterAll(() => void server.close());

beforeEach(async () => {
  answer = whole;
  ({ folder, remove } = await temporaryFolder());
  root = join(folder, "machine");
  await makeMachine(root);
  await mkdir(join(folder, "fix"));
  before = await treeLines(root);
});
afterEach(async () => {
  await chmod(join(root, "opt/rocm/patched/closed"), 0o755).catch(() => undefined);
  await remove();
});

interface Trouble extends Partial<FixOptions> {
  readonly steps?: Step[];
  readonly path?: string;
  readonly onEvent?: (event: FixEvent) => void;
}

async function open({ steps, path, ...options }: Trouble = {}): Promise<Fix> {
  const env = { PATH: path ?? process.env.PATH!, HOME: "/people/alice" };
  return await Fix.open({
    machine: machineHost(env, folder),
    folder: join(folder, "fix"),
    root,
    plan: planOf(steps ?? everything(url)),
    signal: new AbortController().signal,
    onEvent: () => undefined,
    prove: async () => [],
    pauseMs: 1,
    ...options,
  });
}

async function run(trouble: Trouble = {}) {
  const fix = await open(trouble);
  try {
    return await fix.run();
  } finally {
    fix.close();
  }
}

async function undo(trouble: Trouble = {}) {
  const fix = await open(trouble);
  try {
    return await fix.undo();
  } finally {
    fix.close();
  }
}

const ids = everything("http://127.0.0.1/").map(({ id }) => id);
const changed = (id: string, change: object) =>
  everything(url).map((step) => (step.id === id ? ({ ...step, ...change } as Step) : step));
const sizeOf = (path: string) => statSync(join(root, path), { throwIfNoEntry: false })?.size ?? 0;
const text = (path: string) => readFile(join(root, path), "utf8");

async function expectDone() {
  expect(await text("etc/environment")).toBe("PATH=/usr/bin\n");
  expect(await text("etc/new/folders/file.conf")).toBe("options\n");
  expect(await text("etc/other-name")).toBe("changed\n");
  expect(await text("opt/rocm/lib/libhsa.so.1")).toBe("as the package installed it");
  expect(await text("people/alice/downloads/file")).toBe(payload);
  expect(await text("var/db/packages")).toBe("base\nhalf\nwhole\n");
  expect(await text("people/alice/built")).toBe("a\nb\nc\n");
  const lines = await treeLines(root);
  expect(lines.some((line) => /\/patched|\.part |draft/.test(line))).toBe(false);
}

test("all is done; undone, the tree is equal byte for byte", async () => {
  expect((await run()).outcome).toBe("worked");
  await expectDone();
  expect((await undo()).outcome).toBe("undone");
  expect(await treeLines(root)).toEqual(before);
  // Once is enough.
  expect((await undo()).outcome).toBe("undone");
});

test("a file that is written keeps its owner and permissions", async () => {
  const line = (lines: string[]) => lines.find((l) => l.startsWith("etc/environment "))!;
  await run();
  const [, mode, uid, gid] = line(await treeLines(root)).split(" ");
  const [, modeBefore, uidBefore, gidBefore] = line(before).split(" ");
  expect([mode, uid, gid]).toEqual([modeBefore, uidBefore, gidBefore]);
});

describe.each(ids)("at step %s", (id) => {
  test("it is not as it should be afterwards: rolled back", async () => {
    const steps = changed(id, { doneWhen: [{ exists: "/never" }] });
    const back: number[] = [];
    const result = await run({
      steps,
      onEvent: ({ direction, state, index }) => {
        if (direction === "back" && state === "begin") back.push(index);
      },
    });
    expect(result.outcome).toBe("rolled-back");
    expect(result.failure?.why).toMatch(/never is missing/);
    const done = ids.map((_, i) => i).slice(0, ids.indexOf(id) + 1);
    expect(back).toEqual(done.toReversed());
    expect(await treeLines(root)).toEqual(before);
  });

  test("it fails and is kept: gone on with when the cause is removed, then undone", async () => {
    const ready = join(folder, "ready");
    const command = { program: "test", args: ["-e", ready] };
    const steps = changed(id, { doneWhen: [{ command }] });
    const kept = await run({ steps, onFailure: "keep" });
    expect(kept.outcome).toBe("kept");
    expect(kept.failure?.why).toMatch(/afterwards it is not as it should be/);
    writeFileSync(ready, "");
    // The steps before are not done again.
    const begun: number[] = [];
    const onEvent = ({ index, state }: FixEvent) => state === "begin" && begun.push(index);
    expect((await run({ onEvent })).outcome).toBe("worked");
    expect(begun).toEqual(ids.map((_, i) => i).slice(ids.indexOf(id)));
    await expectDone();
    expect((await undo()).outcome).toBe("undone");
    expect(await treeLines(root)).toEqual(before);
  });

  test("it fails and is kept: taken back", async () => {
    const steps = changed(id, { doneWhen: [{ exists: "/never" }] });
    expect((await run({ steps, onFailure: "keep" })).outcome).toBe("kept");
    expect((await undo()).outcome).toBe("undone");
    expect(await treeLines(root)).toEqual(before);
  });

  test("a need is not met: rolled back", async () => {
    const check = { exists: "/never" };
    const steps = changed(id, { needs: [{ check, otherwise: "make it" }] });
    const result = await run({ steps });
    expect(result.outcome).toBe("rolled-back");
    expect(result.failure?.why).toMatch(/make it/);
    expect(await treeLines(root)).toEqual(before);
  });

  test("what it touches cannot be kept: rolled back", async () => {
    const touched = ids.indexOf(id);
    const store = join(folder, "fix", "kept");
    const away = `${store}-away`;
    const result = await run({
      async confirm(_, index) {
        if (index !== touched) return "go";
        // The store is no folder any more: as on a disk that is gone.
        if (existsSync(store)) renameSync(store, away);
        writeFileSync(store, "");
        return "go";
      },
      onEvent({ direction, state }) {
        if (direction !== "back" || state !== "begin" || !existsSync(away)) return;
        rmSync(store);
        renameSync(away, store);
      },
    });
    expect(result.outcome).toBe("rolled-back");
    expect(result.failure?.why).toMatch(/cannot keep/);
    expect(await treeLines(root)).toEqual(before);
  });

  test.each(["go on", "take back"])("the user stops it there, then: %s", async (then) => {
    const stopper = new AbortController();
    const at = ids.indexOf(id);
    const stopped = await run({
      signal: stopper.signal,
      onEvent: ({ index, state }) => {
        if (index === at && state === "begin") stopper.abort();
      },
    });
    expect(stopped.outcome).toBe("stopped");
    if (then === "go on") {
      expect((await run()).outcome).toBe("worked");
      await expectDone();
    }
    expect((await undo()).outcome).toBe("undone");
    expect(await treeLines(root)).toEqual(before);
  });
});

test("the user says no to a step", async () => {
  const result = await run({ confirm: async ({ id }) => (id === "install" ? "stop" : "go") });
  expect(result.outcome).toBe("stopped");
  await undo();
  expect(await treeLines(root)).toEqual(before);
});

describe("downloads", () => {
  test("a dropped connection is gone on with where it broke", async () => {
    const ranges: (string | undefined)[] = [];
    answer = ({ headers }, response) => {
      ranges.push(headers.range);
      const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? "")?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { "content-length": payload.length - from });
      if (ranges.length > 2) response.end(payload.slice(from));
      else {
        response.write(payload.slice(from, from + 30_000));
        // Once that much has arrived.
        const timer = setInterval(() => {
          if (sizeOf("people/alice/downloads/file.part") < from + 30_000) return;
          clearInterval(timer);
          response.destroy();
        }, 5);
      }
    };
    const waits: string[] = [];
    const result = await run({
      onEvent: ({ progress }) => void (progress?.waiting && waits.push(progress.waiting)),
    });
    expect(result.outcome).toBe("worked");
    await expectDone();
    expect(ranges).toEqual([undefined, "bytes=30000-", "bytes=60000-"]);
    expect(waits).toHaveLength(2);
  });

  test("what is wrong once is fetched again, from its beginning", async () => {
    const ranges: (string | undefined)[] = [];
    answer = ({ headers }, response) => {
      ranges.push(headers.range);
      response.end(ranges.length < 3 ? "cut off" : payload);
    };
    expect((await run()).outcome).toBe("worked");
    await expectDone();
    expect(ranges).toEqual([undefined, undefined, undefined]);
  });

  test.each([
    ["another content", () => undefined, /another checksum/],
    ["not found", (r: ServerResponse) => r.writeHead(404), /status 404/],
    ["broken for good", (r: ServerResponse) => r.writeHead(503), /status 503/],
  ] as const)("%s: rolled back", async (_, prepare, why) => {
    answer = (_request, response) => {
      prepare(response);
      response.end("something else");
    };
    const result = await run();
    expect(result.outcome).toBe("rolled-back");
    expect(result.failure?.why).toMatch(why);
    expect(await treeLines(root)).toEqual(before);
  });
});

describe("programs", () => {
  const failing = (script: string, more = {}) =>
    changed("install", {
      command: { program: "sh", args: ["-c", script] },
      ...more,
    });

  test.each([
    ["a status", "echo 'error: no space left on device' >&2; exit 3", {}, /status 3/],
    ["a signal", "kill -9 $$", {}, /SIGKILL/],
    ["no end", "sleep 60", { timeoutMs: 300 }, /within 0 s|did not end/],
  ])("%s: rolled back, with the lines that matter", async (_, script, more, why) => {
    const result = await run({ steps: failing(script, more) });
    expect(result.outcome).toBe("rolled-back");
    expect(result.failure?.why).toMatch(why);
    if (script.startsWith("echo")) expect(result.failure?.lines[0]).toMatch(/no space left/);
    expect(await treeLines(root)).toEqual(before);
  });

  test("one that is missing: rolled back", async () => {
    const steps = changed("install", { command: { program: "no-such-program", args: [] } });
    const result = await run({ steps });
    expect(result.failure?.why).toMatch(/no-such-program could not be started: missing/);
    expect(await treeLines(root)).toEqual(before);
  });

  test("one that asks for something, as a password, gets no answer", async () => {
    const script = 'read answer || { echo "no answer"; exit 7; }';
    const result = await run({ steps: failing(script) });
    expect(result.failure).toMatchObject({ why: expect.stringMatching(/status 7/) });
    expect(result.failure?.lines).toEqual(["no answer"]);
    expect(await treeLines(root)).toEqual(before);
  });

  test("the network's failures are tried again, others are not", async () => {
    const script =
      'echo x >> "$REKINDLE_ROOT/tmp/tries"; [ $(wc -l < "$REKINDLE_ROOT/tmp/tries") -ge 3 ] ' +
      '|| { echo "ReadTimeoutError: Read timed out."; exit 1; }';
    const steps = failing(script, { network: true, undo: [] });
    expect((await run({ steps })).outcome).toBe("worked");
    expect(await text("tmp/tries")).toBe("x\nx\nx\n");
  });

  test("counters become progress", async () => {
    const seen: string[] = [];
    await run({
      onEvent: ({ progress }) => {
        if (progress?.total === 2) seen.push(`${progress.done}/${progress.total}`);
      },
    });
    expect(seen).toEqual(["1/2", "2/2"]);
  });
});

test("a file that was changed after the plan was shown is not overwritten", async () => {
  await writeFileSync(join(root, "etc/environment"), "MINE=1\n");
  const mine = await treeLines(root);
  const result = await run();
  expect(result.failure?.why).toMatch(/changed since the plan/);
  expect(await treeLines(root)).toEqual(mine);
});

test("a verification that fails rolls back; one that cannot be made does not", async () => {
  const proof = { what: "it works", detail: "wrong numbers" };
  const failed = await run({ prove: async () => [{ ...proof, answer: "failed" }] });
  expect(failed.outcome).toBe("rolled-back");
  expect(failed.failure?.why).toBe("wrong numbers");
  expect(await treeLines(root)).toEqual(before);
  rmSync(join(folder, "fix"), { recursive: true });
  await mkdir(join(folder, "fix"));
  const open = await run({ prove: async () => [{ ...proof, answer: "not-run" }] });
  expect(open.outcome).toBe("unproven");
});

test("a verification that fails is made again where what was done is kept", async () => {
  const proof = { what: "it works", detail: "no permission" };
  const kept = await run({
    onFailure: "keep",
    prove: async () => [{ ...proof, answer: "failed" }],
  });
  expect(kept).toMatchObject({ outcome: "kept", failure: { why: "no permission" } });
  await expectDone();
  const again = await run({ prove: async () => [{ ...proof, answer: "passed" }] });
  expect(again.outcome).toBe("worked");
  expect((await undo()).outcome).toBe("undone");
  expect(await treeLines(root)).toEqual(before);
});

test("what fails before anything is done leaves nothing to keep", async () => {
  const steps = changed("edit", { needs: [{ check: { exists: "/never" }, otherwise: "make it" }] });
  expect((await run({ steps, onFailure: "keep" })).outcome).toBe("rolled-back");
  expect(await treeLines(root)).toEqual(before);
});

test("files that were changed since are named", async () => {
  await run();
  writeFileSync(join(root, "etc/environment"), "MINE=1\n");
  const fix = await open();
  expect(await fix.changedSince()).toEqual(["/etc/environment"]);
  fix.close();
});
