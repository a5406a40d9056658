import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { amdWheels } from "../../src/remedies/catalog/amd-wheels.ts";
import type { FixResult, Plan, RunStep } from "../../src/remedies/index.ts";
import { temporaryFolder } from "../command.ts";
import { root } from "../sources.ts";
import {
  type Circumstances,
  carryOut,
  type Place,
  placeIn,
  planIn,
  takeBack,
  withoutDiskNeed,
} from "./carry-out.ts";
import { type Loopback, makeWheels, serveLoopback, type Wheel } from "./loopback.ts";
import { treeLines } from "./sandbox.ts";

// AMD's wheels from a package index on this machine, with pip, and everything that can go wrong.

const sample = (name: string) => join(root, "fixtures/inspect", name);
const version = "2.11.0+rocm7.14.0";

let folder: string;
let remove: () => Promise<void>;
let server: Loopback;
/** An environment that others are copied from: making one takes seconds. */
let template: string;
let shared: Awaited<ReturnType<typeof temporaryFolder>>;

/** torch with device code beside it, as AMD splits it; `library` is what it computes with. */
const torchWheels = (library: string, torch = version): Wheel[] => [
  {
    name: "torch",
    version: torch,
    texts: { "torch/__init__.py": `__version__ = "${torch}"\n` },
    extras: ["device-gfx1010"],
    requires: ['amd-torch-device-gfx1010; extra == "device-gfx1010"'],
  },
  {
    name: "amd_torch_device_gfx1010",
    version: "1.0",
    files: { "torch/lib/libtorch_hip.so": sample(library) },
  },
  {
    name: "torchvision",
    version: "0.26.0+rocm7.14.0",
    texts: { "torchvision/__init__.py": "" },
    extras: ["device-gfx1010"],
  },
  { name: "torchaudio", version, texts: { "torchaudio/__init__.py": "" } },
];

beforeAll(async () => {
  shared = await temporaryFolder();
  makeWheels(shared.folder, torchWheels("libcompressed.so"));
  server = await serveLoopback(shared.folder);
  template = join(shared.folder, "template");
  execFileSync("/usr/bin/python3", ["-m", "venv", template]);
});
afterAll(async () => {
  server.close();
  await shared.remove();
});

let place: Place;
let before: string[];
let plan: Plan;

beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  server.trouble = undefined;
  server.asked.length = 0;
  await begin(folder);
});
afterEach(() => remove());

async function begin(where: string, more: Readonly<Record<string, string>> = {}) {
  place = placeIn(where);
  writeFileSync(join(place.home, ".bashrc"), "export EDITOR=vi\n");
  const index = `${server.url}/simple/`;
  plan = withoutDiskNeed(await planIn(place, amdWheels, { index, folder: "~/torch", ...more }));
  before = await treeLines(place.home);
}

const run = (circumstances: Circumstances = {}) =>
  carryOut(place, amdWheels, withCopiedEnvironment(plan), circumstances);

/** The plan with its first step's program replaced by one that is quicker. */
function withCopiedEnvironment({ steps: [first, ...rest], ...plan }: Plan): Plan {
  const path = join(place.home, "torch");
  const command = { program: "cp", args: ["-a", template, { path }] };
  return { ...plan, steps: [{ ...(first as RunStep), command }, ...rest] };
}

async function expectAsBefore({ outcome }: FixResult) {
  expect(outcome).toBe("rolled-back");
  expect(await treeLines(place.home)).toEqual(before);
}

function expectInstalled({ outcome, proofs }: FixResult) {
  expect(proofs).toMatchObject([{ answer: "passed" }]);
  expect(outcome).toBe("worked");
  const python = join(place.home, "torch/bin/python");
  const script = "import torch, torchvision, torchaudio; print(torch.__version__)";
  expect(execFileSync(python, ["-B", "-c", script], { encoding: "utf8" })).toBe(`${version}\n`);
}

test("installed, inspected, undone: the home is equal byte for byte", async () => {
  expectInstalled(await carryOut(place, amdWheels, plan));
  expect((await takeBack(place, amdWheels)).outcome).toBe("undone");
  expect(await treeLines(place.home)).toEqual(before);
});

test("connections that drop are tried again", async () => {
  let drops = 0;
  server.trouble = ({ url }, response) => {
    if (!url!.includes("/files/torch-") || drops === 2) return false;
    drops++;
    response.writeHead(200, { "content-length": 5000 });
    response.write("PK", () => response.socket?.resetAndDestroy());
    return true;
  };
  const waits: string[] = [];
  const result = await run({
    onEvent: ({ progress }) => void (progress?.waiting && waits.push(progress.waiting)),
  });
  expectInstalled(result);
  expect(drops).toBe(2);
  expect(waits.length).toBeGreaterThan(0);
});

test("a package whose checksum is not the index's is refused", async () => {
  server.trouble = ({ url }, response) => {
    if (!url!.includes("/files/amd_torch")) return false;
    const wheel = readFileSync(
      join(shared.folder, "wheels", "torchvision-0.26.0+rocm7.14.0-py3-none-any.whl"),
    );
    response.end(wheel);
    return true;
  };
  const result = await run();
  expect(result.failure?.lines.join("\n")).toMatch(/DO NOT MATCH THE HASHES|mismatch/i);
  await expectAsBefore(result);
});

test("an index that lacks the version says so", async () => {
  server.trouble = ({ url }, response) => {
    if (!url!.includes("/simple/torch/")) return false;
    response.end("<!DOCTYPE html><html></html>");
    return true;
  };
  const result = await run();
  expect(result.failure?.lines.join("\n")).toMatch(/No matching distribution found for torch/);
  await expectAsBefore(result);
});

test("of the newest builds, one that is known not to work is passed over", async () => {
  const [torch] = torchWheels("libcompressed.so", "2.11.0+rocm7.14.1") as [Wheel];
  await serveOther([torch, ...torchWheels("libcompressed.so")], { channel: "nightly" });
  expectInstalled(await run());
});

test("stopped in the middle, gone on with", async () => {
  const stopper = new AbortController();
  server.trouble = ({ url }) => {
    if (url!.includes("/files/torch-")) stopper.abort();
    return false;
  };
  expect((await run({ signal: stopper.signal })).outcome).toBe("stopped");
  server.trouble = undefined;
  expectInstalled(await carryOut(place, amdWheels, undefined));
});

test("pip is killed: rolled back", async () => {
  server.trouble = ({ url }) => {
    if (url!.includes("/files/torch-")) killUsers(join(place.home, "torch"));
    return false;
  };
  const result = await run();
  expect(result.failure?.why).toMatch(/SIGKILL/);
  await expectAsBefore(result);
});

/** Kills the programs that were started from a folder. */
function killUsers(path: string): void {
  for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const line = readFileSync(`/proc/${id}/cmdline`, "utf8");
      if (line.startsWith(path)) process.kill(Number(id), "SIGKILL");
    } catch {
      // It has ended.
    }
  }
}

test("a Python without venv: said before anything happens", async () => {
  await begin(folder, { python: "no-such-python" });
  const result = await run();
  expect(result.failure?.why).toMatch(/no-such-python needs the modules venv and ensurepip/);
  await expectAsBefore(result);
});

test("too little disk: said before anything happens", async () => {
  const index = `${server.url}/simple/`;
  const whole = await planIn(place, amdWheels, { index, folder: "~/torch" });
  const steps = whole.steps.map((step, i) =>
    i === 0 ? { ...step, needs: [{ diskBytes: 1e18, folder: place.home }] } : step,
  );
  plan = { ...whole, steps };
  await expect(run()).rejects.toThrow(/it needs 1000000000 GB on the disk of/);
  expect(await treeLines(place.home)).toEqual(before);
});

test("code for another card alone is no success", async () => {
  await serveOther(torchWheels("two-gfx90a.co"));
  const result = await run();
  expect(result.failure?.why).toMatch(/gfx90a|gfx1010/);
  await expectAsBefore(result);
});

/** Plans with an index that has other wheels. */
async function serveOther(wheels: readonly Wheel[], more: Readonly<Record<string, string>> = {}) {
  const { folder: otherFolder, remove } = await temporaryFolder();
  makeWheels(otherFolder, wheels);
  const other = await serveLoopback(otherFolder);
  onTestFinished(async () => {
    other.close();
    await remove();
  });
  const index = `${other.url}/simple/`;
  plan = withoutDiskNeed(await planIn(place, amdWheels, { index, folder: "~/torch", ...more }));
}

// A small file system of its own needs rights that not every machine gives.
const small = join("/mnt", `rekindle-${process.pid}`);
const canMount = (() => {
  try {
    mkdirSync(small, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=32m", "tmpfs", small], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();
afterAll(() => {
  if (canMount) execFileSync("umount", [small]);
  rmSync(small, { recursive: true, force: true });
});

test.skipIf(!canMount)("the disk fills up in the middle: rolled back", async () => {
  const { state } = place;
  place = { ...placeIn(small), state };
  before = await treeLines(place.home);
  const big = join(folder, "big");
  writeFileSync(big, randomBytes(24 << 20));
  const [torch, ...rest] = torchWheels("libcompressed.so") as [Wheel, ...Wheel[]];
  await serveOther([{ ...torch, files: { "torch/lib/big": big } }, ...rest]);
  const result = await run();
  expect(result.failure?.lines.join("\n")).toMatch(/No space left on device/);
  await expectAsBefore(result);
});
