import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { machineHost } from "../../src/host/index.ts";
import { Fix, type Plan } from "../../src/remedies/index.ts";
import { temporaryFolder } from "../command.ts";
import { type Place, placeIn } from "./carry-out.ts";
import { type Loopback, makeWheels, serveLoopback } from "./loopback.ts";
import { treeLines } from "./sandbox.ts";

// What the executor makes of a real pip whose downloads go wrong: pip itself does not always see
// that one was cut off.

let shared: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Loopback;
let python: string;
beforeAll(async () => {
  shared = await temporaryFolder();
  makeWheels(shared.folder, [{ name: "small", version: "1.0", texts: { "small.py": "x = 1\n" } }]);
  server = await serveLoopback(shared.folder);
  execFileSync("/usr/bin/python3", ["-m", "venv", join(shared.folder, "venv")]);
  python = join(shared.folder, "venv/bin/python");
});
afterAll(async () => {
  server.close();
  await shared.remove();
});

let place: Place;
let before: string[];
let remove: () => Promise<void>;
beforeEach(async () => {
  const made = await temporaryFolder();
  remove = made.remove;
  place = placeIn(made.folder);
  writeFileSync(join(place.home, "own"), "");
  before = await treeLines(place.home);
  server.asked.length = 0;
  server.trouble = undefined;
});
afterEach(() => remove());

async function download() {
  const to = join(place.home, "wheels");
  const plan: Plan = {
    remedy: "test",
    options: {},
    steps: [
      {
        kind: "run",
        id: "download",
        does: "download a package",
        command: {
          program: { path: python },
          args: [
            ...["-m", "pip", "--disable-pip-version-check", "--no-input", "download", "small"],
            ...["--index-url", `${server.url}/simple/`, "--dest", { path: to }],
            { before: "--cache-dir=", path: join(place.home, "wheels/cache") },
          ],
        },
        touches: [to],
        network: true,
        continues: true,
      },
    ],
    verification: [],
    notes: [],
  };
  const fix = await Fix.open({
    machine: machineHost(place.env, place.home),
    folder: place.state,
    plan,
    signal: new AbortController().signal,
    onEvent: () => undefined,
    prove: async () => [],
    pauseMs: 1,
  });
  try {
    return await fix.run();
  } finally {
    fix.close();
  }
}

const wheel = "small-1.0-py3-none-any.whl";
const whole = () => readFileSync(join(shared.folder, "wheels", wheel));
const timesAsked = () => server.asked.filter((path) => path.includes("/files/")).length;

test("cut off once: fetched again", async () => {
  server.trouble = ({ url }, response) => {
    if (!url!.includes("/files/") || timesAsked() > 1) return false;
    response.writeHead(200, { "content-length": whole().length });
    response.write(whole().subarray(0, 200), () => response.socket?.end());
    return true;
  };
  expect(await download()).toMatchObject({ outcome: "worked" });
  expect(timesAsked()).toBeGreaterThan(1);
  expect(readFileSync(join(place.home, "wheels", wheel))).toEqual(whole());
});

test.each([
  ["another content", () => Buffer.alloc(whole().length, "x")],
  ["cut off every time", () => whole().subarray(0, 200)],
])("%s: given up after three times, rolled back", async (_, content) => {
  server.trouble = ({ url }, response) => {
    if (!url!.includes("/files/")) return false;
    // As real indexes do, which lets pip keep it.
    response.writeHead(200, { "cache-control": "max-age=365000000, immutable, public" });
    response.end(content());
    return true;
  };
  const { outcome, failure } = await download();
  expect(outcome).toBe("rolled-back");
  expect(failure?.why).toMatch(/another checksum than it should, 3 times$/);
  expect(failure?.lines.join("\n")).toMatch(/DO NOT MATCH THE HASHES/);
  // The second may come from pip's cache, the last does not.
  expect(timesAsked()).toBeGreaterThan(1);
  expect(existsSync(join(place.home, "wheels"))).toBe(false);
  expect(await treeLines(place.home)).toEqual(before);
});
