import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { pytorchSource } from "../../src/remedies/catalog/pytorch-source.ts";
import type { FixResult, Plan } from "../../src/remedies/index.ts";
import { buildPackage } from "../built.ts";
import { temporaryFolder } from "../command.ts";
import { root } from "../sources.ts";
import { carryOut, type Place, placeIn, planIn, takeBack, withoutDiskNeed } from "./carry-out.ts";
import { freePort } from "./daemons.ts";
import { type Loopback, makeWheels, serveLoopback } from "./loopback.ts";
import { treeLines } from "./sandbox.ts";
import { makeRepositories, makeRocm } from "./small-torch.ts";

// The source build with sccache in ccache's place: what was compiled once comes from its store.

const llvm = process.env.REKINDLE_LLVM ?? "/usr/lib/llvm-19/bin";
const isThere = spawnSync("sccache", ["--version"]).status === 0;

let shared: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Loopback;
let built: string;
let commit: string;
let rocm: string;

beforeAll(async () => {
  if (!isThere) return;
  shared = await temporaryFolder();
  built = await buildPackage();
  server = await serveLoopback(shared.folder);
  const writer = readFileSync(join(root, "test/remedies/wheelwriter.py"), "utf8");
  makeWheels(shared.folder, [
    { name: "wheelwriter", version: "1.0", texts: { "wheelwriter.py": writer } },
    // The system's programs are used.
    ...["cmake", "ninja", "wheel"].map((name) => ({ name, version: "1.0" })),
  ]);
  commit = makeRepositories(shared.folder, server.url);
  rocm = makeRocm(join(shared.folder, "rocm"), llvm);
});
afterAll(async () => {
  server?.close();
  await shared?.remove();
  if (built) rmSync(built, { recursive: true });
});

let folder: string;
let remove: () => Promise<void>;
let place: Place;

beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  place = await placeWithCache();
  // One that a step starts ends with it, and its counts with that.
  if (isThere) sccache("--start-server");
});
afterEach(async () => {
  if (isThere) sccache("--stop-server");
  await remove();
});

/** A server of its own, which keeps what it has compiled in the folder of this test. */
async function placeWithCache(): Promise<Place> {
  return placeIn(folder, {
    SCCACHE_DIR: join(folder, "cache"),
    SCCACHE_SERVER_PORT: `${await freePort()}`,
    SCCACHE_IDLE_TIMEOUT: "120",
  });
}

function sccache(...args: readonly string[]): string {
  return spawnSync("sccache", args, { encoding: "utf8", env: place.env }).stdout;
}

async function planned(): Promise<Plan> {
  const plan = withoutDiskNeed(
    await planIn(place, pytorchSource, {
      ...{ folder: "~/built", rocm, vision: "no", jobs: "2", ref: "refs/tags/v1", commit },
      ...{ source: `${server.url}/git/torch.git`, index: `${server.url}/simple/` },
      cache: "sccache",
    }),
  );
  const steps = plan.steps.map((step) => {
    if (step.kind !== "run" || step.id !== "inspect-wheel") return step;
    // The command of a checkout may be old.
    const [, ...args] = step.command.args;
    const command = { ...step.command, args: [join(built, "dist/cli/main.js"), ...args] };
    return { ...step, command };
  });
  return { ...plan, steps };
}

function expectBuilt({ failure, outcome, proofs }: FixResult): void {
  expect(failure).toBeUndefined();
  expect(outcome).toBe("worked");
  expect(proofs).toMatchObject([{ answer: "passed", detail: expect.stringMatching(/gfx1010/) }]);
}

/** How often its store had what was asked for, and how often not. */
function counted(): { hits: number; misses: number } {
  const stats = JSON.parse(sccache("--show-stats", "--stats-format=json")).stats;
  const sum = ({ counts }: { counts: Record<string, number> }) =>
    Object.values(counts).reduce((total, count) => total + count, 0);
  return { hits: sum(stats.cache_hits), misses: sum(stats.cache_misses) };
}

test.skipIf(!isThere)("sccache: the second build compiles nothing for the processor", async () => {
  writeFileSync(join(place.home, ".bashrc"), "export EDITOR=vi\n");
  const before = await treeLines(place.home);
  const plan = await planned();
  expectBuilt(await carryOut(place, pytorchSource, plan));
  const first = counted();
  expect(first.misses).toBeGreaterThanOrEqual(4);
  expect((await takeBack(place, pytorchSource)).outcome).toBe("undone");
  expect(await treeLines(place.home)).toEqual(before);

  place = { ...place, state: join(folder, "second") };
  expectBuilt(await carryOut(place, pytorchSource, plan));
  const second = counted();
  // Four files for the processor; those for the GPU Debian 12's sccache (0.4) does not cache.
  expect(second.hits - first.hits).toBeGreaterThanOrEqual(4);
  expect(second.misses).toBe(first.misses);
});
