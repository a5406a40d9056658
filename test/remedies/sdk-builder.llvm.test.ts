import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { rocmSdkBuilder } from "../../src/remedies/catalog/rocm-sdk-builder.ts";
import type { FixResult, Plan } from "../../src/remedies/index.ts";
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
import { git, type Loopback, serveLoopback } from "./loopback.ts";
import { treeLines } from "./sandbox.ts";

// Projects fetched, patched and compiled by a builder of their own, as rocm_sdk_builder does.

const llvm = process.env.REKINDLE_LLVM ?? "/usr/lib/llvm-19/bin";
const projects = ["hip", "miopen", "torch"];

let shared: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Loopback;
/** Programs that the remedy asks for, and which the small project does not use. */
let bin: string;

beforeAll(async () => {
  shared = await temporaryFolder();
  server = await serveLoopback(shared.folder);
  bin = join(shared.folder, "bin");
  mkdirSync(bin);
  for (const name of ["gfortran", "cmake", "ninja"]) {
    writeFileSync(join(bin, name), "#!/bin/sh\nexit 1\n");
    chmodSync(join(bin, name), 0o755);
  }
  makeRepositories(join(shared.folder, "git"));
});
afterAll(async () => {
  server.close();
  await shared.remove();
});

const kernel = "kernel void f(global float *x) { x[__builtin_amdgcn_workitem_id_x()] *= 2; }\n";

/** Each project, and the builder with what makes them compile for the card. */
function makeRepositories(folder: string): void {
  const builder = join(folder, "builder.git");
  cpSync(join(root, "fixtures/mini-sdk-builder"), builder, { recursive: true });
  for (const name of projects) {
    const project = join(folder, `${name}.git`);
    mkdirSync(project, { recursive: true });
    const source = join(project, "kernel.cl");
    writeFileSync(source, `#error "gfx101x is not known"\n${kernel}`);
    commitAll(project);
    const patches = join(builder, "patches", name);
    writeFileSync(source, kernel);
    git(project, "commit", "--quiet", "--all", "--message=gfx101x");
    git(project, "format-patch", "--quiet", "-1", `--output-directory=${patches}`);
    git(project, "reset", "--quiet", "--hard", "HEAD~1");
  }
  const lines = projects.map((name) => `${name} ${server.url}/git/${name}.git\n`);
  writeFileSync(join(builder, "projects.txt"), lines.join(""));
  commitAll(builder);
}

function commitAll(folder: string): void {
  git(folder, "init", "--quiet", "--initial-branch=main");
  git(folder, "add", "--all");
  git(folder, "commit", "--quiet", "--message=sources");
}

let remove: () => Promise<void>;
let place: Place;
let plan: Plan;
let before: string[];
const at = (path: string) => join(place.home, "rocm", path);

beforeEach(async () => {
  const made = await temporaryFolder();
  remove = made.remove;
  server.trouble = undefined;
  place = placeIn(made.folder, { PATH: `${bin}:${llvm}:/usr/bin:/bin` });
  writeFileSync(join(place.home, ".bashrc"), "export EDITOR=vi\n");
  before = await treeLines(place.home);
  plan = withoutDiskNeed(
    await planIn(place, rocmSdkBuilder, {
      ...{ folder: "~/rocm", source: `${server.url}/git/builder.git`, ref: "refs/heads/main" },
    }),
  );
});
afterEach(() => remove());

const run = (circumstances: Circumstances = {}, what: Plan | undefined = plan) =>
  carryOut(place, rocmSdkBuilder, what, circumstances);

async function expectAsBefore({ outcome }: FixResult) {
  expect(outcome).toBe("rolled-back");
  expect(await treeLines(place.home)).toEqual(before);
}

async function expectBuilt(result: FixResult) {
  expect(result.failure).toBeUndefined();
  expect(result).toMatchObject({ outcome: "worked", proofs: [{ answer: "passed" }] });
  // The program that trials start finds the Python that was installed.
  const script = "import shutil; print(shutil.which('python'))";
  const told = spawnSync(at("python"), ["-c", script], { encoding: "utf8", env: place.env });
  expect(told.stdout.trim()).toBe(at("rocm/bin/python"));
  expect((await takeBack(place, rocmSdkBuilder)).outcome).toBe("undone");
  expect(await treeLines(place.home)).toEqual(before);
}

test("fetched, patched, built with progress, inspected; undone", async () => {
  const counted: string[] = [];
  const result = await run({
    onEvent({ does, progress }) {
      if (progress?.total !== undefined)
        counted.push(`${does}: ${progress.done}/${progress.total}`);
    },
  });
  expect(counted).toContain("build ROCm and PyTorch: 3/3");
  await expectBuilt(result);
});

test("a connection that drops is tried again", async () => {
  let drops = 0;
  server.trouble = ({ url }, response) => {
    if (!url!.includes("/miopen.git/git-upload-pack") || drops === 1) return false;
    drops++;
    response.writeHead(200, { "content-type": "application/x-git-upload-pack-result" });
    response.write("0008NAK\n", () => response.socket?.resetAndDestroy());
    return true;
  };
  await expectBuilt(await run());
  expect(drops).toBe(1);
});

test("stopped in the middle of the build, gone on with: nothing is built twice", async () => {
  const stopper = new AbortController();
  const stopped = await run({
    signal: stopper.signal,
    onEvent({ does, progress }) {
      if (/^build/.test(does) && progress?.done === 2) stopper.abort();
    },
  });
  expect(stopped.outcome).toBe("stopped");
  expect(existsSync(at("rocm/lib/hip.co"))).toBe(true);
  rmSync(at("builder/src/hip/kernel.cl"));
  await expectBuilt(await carryOut(place, rocmSdkBuilder, undefined));
});

test("a project that does not build for the card is told with its lines", async () => {
  const result = await run({
    onEvent({ does, state }) {
      // As a project is whose patch is not there.
      if (/^build/.test(does) && state === "begin")
        writeFileSync(at("builder/src/miopen/kernel.cl"), '#error "gfx101x is not known"\n');
    },
  });
  expect(result.failure?.does).toBe("build ROCm and PyTorch");
  expect(result.failure?.lines.join("\n")).toMatch(/gfx101x is not known/);
  await expectAsBefore(result);
});

test("code for another card in the result: rolled back", async () => {
  const text = JSON.stringify(plan).replace('"content":"gfx1010\\n"', '"content":"gfx1030\\n"');
  const result = await run({}, JSON.parse(text));
  expect(result.failure?.why).toMatch(/gfx1010/);
  expect(readFileSync(join(place.state, "log.txt"), "utf8")).toMatch(/\[3\/3\] torch/);
  await expectAsBefore(result);
});

test("a program that is missing: said before anything happens", async () => {
  place = { ...place, env: { ...place.env, PATH: "/nowhere" } };
  const result = await run();
  expect(result.failure?.why).toMatch(/the program git is missing: install the package git/);
  await expectAsBefore(result);
});
