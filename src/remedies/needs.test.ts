import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { temporaryFolder } from "../../test/command.ts";
import { type Host, machineHost } from "../host/index.ts";
import { unmetNeed } from "./needs.ts";
import type { Need } from "./step.ts";
import type { Surroundings } from "./surroundings.ts";

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterEach(() => remove());

/** A machine with little of everything. */
function around(more: Partial<Host> = {}): Surroundings {
  const real = machineHost({ PATH: folder }, folder);
  const host: Host = {
    ...real,
    freeBytes: async () => 2e9,
    system: async () => ({ ...(await real.system()), freeMemoryBytes: 3e9, userId: 1000 }),
    ...more,
  };
  return {
    machine: host,
    host,
    root: "/",
    home: folder,
    signal: new AbortController().signal,
    log: () => undefined,
    pauseMs: 1,
  };
}

const unmet = (need: Need, more: Partial<Host> = {}) =>
  unmetNeed([need], around(more), () => undefined);

test("disk, memory and root, with both numbers", async () => {
  const there = join(folder, "not", "yet");
  expect(await unmet({ diskBytes: 1e9, folder: there })).toBeUndefined();
  expect(await unmet({ diskBytes: 5e9, folder: there })).toBe(
    `it needs 5 GB on the disk of ${folder}, 2 GB are free`,
  );
  expect(await unmet({ memoryBytes: 1e9 })).toBeUndefined();
  expect(await unmet({ memoryBytes: 8e9 })).toMatch(/needs 8 GB of memory, 3 GB are free/);
  expect(await unmet({ root: true })).toMatch(/run the same command with sudo/);
  const below = { ...around(), root: folder };
  expect(await unmetNeed([{ root: true }], below, () => undefined)).toBeUndefined();
});

test("programs are looked for on the PATH", async () => {
  const need = { program: "hipcc", install: "apt install hipcc" };
  expect(await unmet(need)).toBe("the program hipcc is missing: apt install hipcc");
  await writeFile(join(folder, "hipcc"), "");
  expect(await unmet(need)).toBeUndefined();
});

test("any status of a server is an answer, none is waited for", async () => {
  const server = createServer((_, response) => response.writeHead(404).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const network = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  expect(await unmet({ network })).toBeUndefined();
  await new Promise((resolve) => server.close(resolve));
  const waits: (string | undefined)[] = [];
  const reason = await unmetNeed([{ network }], around(), ({ waiting }) => waits.push(waiting));
  expect(reason).toMatch(/127\.0\.0\.1:\d+ cannot be reached \(.*ECONNREFUSED/);
  expect(waits).toHaveLength(4);
  expect(waits[0]).toMatch(/try 2 of 5 in 1 ms/);
});

test("a lock by existence", async () => {
  const lock = join(folder, "db.lck");
  const need = { lock, heldBy: "existence" } as const;
  expect(await unmet(need)).toBeUndefined();
  await writeFile(lock, "");
  expect(await unmet(need)).toMatch(/another package manager is at work/);
});

test.runIf(process.platform === "linux")("a lock by fcntl, as dpkg's", async () => {
  const lock = join(folder, "lock-frontend");
  await writeFile(lock, "");
  const need = { lock, heldBy: "fcntl" } as const;
  expect(await unmet(need)).toBeUndefined();
  const code = [
    "import fcntl, sys",
    `file = open(${JSON.stringify(lock)}, "w")`,
    "fcntl.lockf(file, fcntl.LOCK_EX)",
    "print(1, flush=True)",
    "sys.stdin.read()",
  ].join("\n");
  const holder = spawn("python3", ["-c", code]);
  try {
    await once(holder.stdout, "data");
    expect(await unmet(need)).toMatch(/it holds .*lock-frontend/);
  } finally {
    holder.kill("SIGKILL");
    await once(holder, "exit");
  }
  expect(await unmet(need)).toBeUndefined();
});

test("a check, with what to do", async () => {
  const need = { check: { exists: join(folder, "x") }, otherwise: "make x" };
  expect(await unmet(need)).toMatch(/x is missing: make x/);
});
