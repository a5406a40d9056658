import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pytorchSource } from "../../src/remedies/catalog/pytorch-source.ts";
import type { FixResult, Plan, RunStep } from "../../src/remedies/index.ts";
import { buildPackage } from "../built.ts";
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
import { daemon, freePort, until, user } from "./daemons.ts";
import { type Loopback, makeWheels, serveLoopback } from "./loopback.ts";
import { treeLines } from "./sandbox.ts";
import { type SlowCompiler, slowCompiler } from "./slow-compiler.ts";
import { makeRepositories, makeRocm } from "./small-torch.ts";

// A small project built as PyTorch is, by the remedy's own steps: sources from git servers, build
// tools from a package index, clang's code for gfx1010, a compiler cache, and all that goes wrong.

const llvm = process.env.REKINDLE_LLVM ?? "/usr/lib/llvm-19/bin";
const has = (program: string) => spawnSync("which", [program]).status === 0;
const lacking = ["cmake", "ninja", "c++", "ccache", "git"].filter((name) => !has(name));

let shared: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Loopback;
let built: string;
let commit: string;
let rocm: string;
let template: string;

beforeAll(async () => {
  if (lacking.length > 0) return;
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
  template = join(shared.folder, "template");
  spawnSync("/usr/bin/python3", ["-m", "venv", template]);
});
afterAll(async () => {
  server?.close();
  await shared?.remove();
  if (built) rmSync(built, { recursive: true });
});

let folder: string;
let remove: () => Promise<void>;
let place: Place;
let plan: Plan;
let before: string[];

beforeEach(async () => {
  if (lacking.length > 0) return;
  ({ folder, remove } = await temporaryFolder());
  server.trouble = undefined;
  place = placeIn(folder, { CCACHE_DIR: join(folder, "ccache") });
  writeFileSync(join(place.home, ".bashrc"), "export EDITOR=vi\n");
  plan = await planned();
  before = await treeLines(place.home);
});
afterEach(() => remove?.());

async function planned(options: Readonly<Record<string, string>> = {}): Promise<Plan> {
  const plan = withoutDiskNeed(
    await planIn(place, pytorchSource, {
      ...{ folder: "~/built", rocm, vision: "no", jobs: "2", ref: "refs/tags/v1", commit },
      ...{ source: `${server.url}/git/torch.git`, index: `${server.url}/simple/` },
      ...options,
    }),
  );
  const steps = plan.steps.map((step) => {
    if (step.kind !== "run") return step;
    // Making an environment takes seconds: a copy will do. The command of a checkout may be old.
    if (step.id === "make-environment")
      return withCommand(step, "python3", ["-c", copyTree, template]);
    if (step.id !== "inspect-wheel") return step;
    const [, ...args] = step.command.args;
    return {
      ...step,
      command: { ...step.command, args: [join(built, "dist/cli/main.js"), ...args] },
    };
  });
  return { ...plan, steps };
}

const copyTree = "import shutil, sys; shutil.copytree(*sys.argv[1:], symlinks=True)";

function withCommand(step: RunStep, program: string, args: readonly string[]): RunStep {
  const path = join(place.home, "built/environment");
  return { ...step, command: { program, args: [...args, { path }] } };
}

const run = (circumstances: Circumstances = {}) =>
  carryOut(place, pytorchSource, plan, circumstances);
const log = () => readFileSync(join(place.state, "log.txt"), "utf8");
const at = (path: string) => join(place.home, "built", path);

async function expectAsBefore({ outcome }: FixResult) {
  expect(outcome).toBe("rolled-back");
  expect(await treeLines(place.home)).toEqual(before);
}

function expectBuilt({ outcome, proofs, failure }: FixResult) {
  expect(failure).toBeUndefined();
  expect(outcome).toBe("worked");
  expect(proofs).toMatchObject([{ answer: "passed", detail: expect.stringMatching(/gfx1010/) }]);
  const asked = spawnSync(at("environment/bin/python"), [
    ...["-B", "-c", "import torch; print(torch.__version__)"],
  ]);
  expect(`${asked.stdout}`).toBe("2.10.0+rekindle.gfx1010\n");
}

/** Steps with one changed. */
const changed = (id: string, change: Partial<RunStep>): Plan => ({
  ...plan,
  steps: plan.steps.map((step) => (step.id === id ? ({ ...step, ...change } as RunStep) : step)),
});

/** With a compiler that is in the middle of the build when something happens. */
async function buildSlowly(does: "waits" | "kills"): Promise<SlowCompiler> {
  const compiler = slowCompiler(folder, does);
  place = { ...place, env: { ...place.env, PATH: `${compiler.path}:${place.env.PATH}` } };
  plan = await planned();
  return compiler;
}

async function expectGoesOn(compiler: SlowCompiler) {
  // Ninja tells of what it has finished.
  const finished = [...log().matchAll(/^\[\d+\/\d+\] .*?(\w+\.(?:cpp|hip))\.o$/gm)];
  const names = finished.map(([, name]) => name);
  expect(names).toHaveLength(4);
  compiler.compiled();
  compiler.release();
  expectBuilt(await carryOut(place, pytorchSource, undefined));
  const again = compiler.compiled();
  expect(again.toSorted()).toEqual(sourceNames.filter((name) => !names.includes(name)));
}

const sourceNames = ["add", "copy", "scale", "square"].flatMap((name) => [
  `${name}.hip`,
  `${name}_host.cpp`,
]);

/** The plan up to a step. */
function upTo(id: "fetch-parts-of-torch" | "build-torch"): Plan {
  const last = plan.steps.findIndex((step) => step.id === id);
  return { ...plan, steps: plan.steps.slice(0, last + 1), verification: [] };
}

const name = `needs ${lacking.join(", ") || "nothing more"}`;
describe.skipIf(lacking.length > 0)(name, { timeout: 300_000 }, () => {
  test("built with the build's own counters, inspected, installed, undone", async () => {
    const counted: number[] = [];
    const result = await run({
      onEvent({ progress }) {
        if (progress?.total !== undefined) counted.push(progress.total);
      },
    });
    expectBuilt(result);
    // Four files for the processor, four for the GPU, one library.
    expect(counted).toContain(9);
    expect(log()).toMatch(/ck\.hpp: gfx101x added/);
    // And one that CMake compiles to see that it can.
    expect(cached()).toEqual({ hits: 0, misses: 9 });
    expect((await takeBack(place, pytorchSource)).outcome).toBe("undone");
    expect(await treeLines(place.home)).toEqual(before);

    // Once more, from the cache alone.
    rmSync(place.state, { recursive: true });
    mkdirSync(place.state);
    expectBuilt(await run());
    expect(cached().hits).toBeGreaterThanOrEqual(8);
  });

  test.skipIf(!has("distccd"))(
    "distcc: its daemon compiles what is for the processor",
    async () => {
      const port = `${await freePort()}`;
      const written = daemon("distccd", [
        ...["--daemon", "--no-detach", "--listen=127.0.0.1", "--allow=127.0.0.1", "--port", port],
        ...["--log-stderr", "--log-level=info", "--enable-tcp-insecure", "--user", user],
      ]);
      await until(() => /prefork|listen/i.test(written()));
      plan = await planned({ spread: "distcc", hosts: `127.0.0.1:${port}/4` });
      place = { ...place, env: { ...place.env, DISTCC_FALLBACK: "0" } };
      plan = upTo("build-torch");
      expect(await run()).toMatchObject({ outcome: "worked" });
      expect((written().match(/COMPILE_OK/g) ?? []).length).toBeGreaterThanOrEqual(4);
      expect(written()).not.toMatch(/\.hip/);
    },
  );

  test.skipIf(!has("iceccd"))("icecream: its daemon and scheduler have the jobs", async () => {
    const [port, net] = [`${await freePort()}`, `rekindle-${process.pid}`];
    const socket = join(folder, "iceccd.socket");
    chmodSync(folder, 0o777);
    spawnSync("icecc", ["--build-native", "c++"], { cwd: folder });
    const compilers = readdirSync(folder).find((name) => name.endsWith(".tar.gz"))!;
    const more = {
      ...{ ICECC_TESTS: "1", ICECC_TEST_SOCKET: socket },
      ICECC_VERSION: join(folder, compilers),
    };
    daemon("icecc-scheduler", ["-p", port, "-n", net, "-u", user]);
    const written = daemon(
      "iceccd",
      [
        ...["-s", `127.0.0.1:${port}`, "-n", net, "-m", "4", "-u", user, "-vvv"],
        ...["-b", join(folder, "environments")],
      ],
      more,
    );
    await until(() => /Connected to scheduler/.test(written()));
    place = { ...place, env: { ...place.env, ...more } };
    plan = await planned({ spread: "icecream" });
    plan = upTo("build-torch");
    expect(await run()).toMatchObject({ outcome: "worked" });
    // Each client says goodbye to the daemon.
    expect((written().match(/handle_end/g) ?? []).length).toBeGreaterThanOrEqual(4);
  });

  test("stopped while it compiles, gone on with: nothing is compiled twice", async () => {
    const compiler = await buildSlowly("waits");
    const stopper = new AbortController();
    const stopped = await run({
      signal: stopper.signal,
      onEvent({ progress }) {
        if ((progress?.done ?? 0) >= 4) stopper.abort();
      },
    });
    expect(stopped.outcome).toBe("stopped");
    await expectGoesOn(compiler);
  });

  test("stopped in the middle of a fetch, with git's lock left behind: gone on with", async () => {
    plan = upTo("fetch-parts-of-torch");
    const stopper = new AbortController();
    server.trouble = ({ url }) => {
      if (url!.includes("kernels.git")) stopper.abort();
      return false;
    };
    expect((await run({ signal: stopper.signal })).outcome).toBe("stopped");
    writeFileSync(at("build/pytorch/.git/index.lock"), "");
    server.trouble = undefined;
    // git.test.ts has every state that this may be; here it is by chance.
    const result = await carryOut(place, pytorchSource, undefined);
    expect(result).toMatchObject({ outcome: "worked" });
    expect(readdirSync(at("build/pytorch/third_party/composable_kernel"))).toContain("include");
  });

  test("git servers that drop the connection are asked again", async () => {
    let drops = 0;
    plan = upTo("fetch-parts-of-torch");
    server.trouble = ({ url }, response) => {
      if (!url!.includes("git-upload-pack") || drops === 2) return false;
      drops++;
      response.writeHead(200, { "content-type": "application/x-git-upload-pack-result" });
      response.write("0008NAK\n", () => response.socket?.resetAndDestroy());
      return true;
    };
    const result = await run();
    expect(result.failure).toBeUndefined();
    expect(result.outcome).toBe("worked");
    expect(drops).toBe(2);
    expect(existsSync(at("build/pytorch/setup.py"))).toBe(true);
  });

  test("a tag that was moved is refused", async () => {
    plan = await planned({ commit: "0123456789012345678901234567890123456789" });
    const result = await run();
    expect(result.failure?.does).toMatch(/check out 0123456/);
    await expectAsBefore(result);
  });

  test("a program that is missing: said before anything happens", async () => {
    place = { ...place, env: { ...place.env, PATH: pathWithout("ccache") } };
    plan = await planned();
    const result = await run();
    expect(result.failure?.why).toBe("the program ccache is missing: install the package ccache");
    await expectAsBefore(result);
  });

  test("a header that is missing: said before anything happens", async () => {
    const lacks = join(folder, "rocm");
    cpSync(rocm, lacks, { recursive: true });
    rmSync(join(lacks, "include/miopen/miopen.h"));
    plan = await planned({ rocm: lacks });
    const result = await run();
    expect(result.failure?.why).toMatch(/miopen\.h is missing: install miopen-hip-dev/);
    await expectAsBefore(result);
  });

  test("a builder that is killed: kept, gone on with, undone", async () => {
    const compiler = await buildSlowly("kills");
    const kept = await run({ onFailure: "keep" });
    expect(kept).toMatchObject({ outcome: "kept", failure: { does: "compile torch" } });
    await expectGoesOn(compiler);
    expect((await takeBack(place, pytorchSource)).outcome).toBe("undone");
    expect(await treeLines(place.home)).toEqual(before);
  });

  test("a compiler error is told with its lines: rolled back", async () => {
    // As composable_kernel is without the change.
    plan = { ...plan, steps: plan.steps.filter(({ id }) => id !== "patch-device-code") };
    const result = await run();
    expect(result.failure?.lines.join("\n")).toMatch(/CK_BUFFER_RESOURCE_3RD_DWORD/);
    await expectAsBefore(result);
  });

  test("code for another card in the result is not installed", async () => {
    const build = plan.steps.find(({ id }) => id === "build-torch") as RunStep;
    const { command } = build;
    plan = changed("build-torch", {
      command: { ...command, env: { ...command.env, PYTORCH_ROCM_ARCH: "gfx1030" } },
    });
    const result = await run();
    expect(result.failure?.does).toBe("look for code for gfx1010 in the wheel");
    expect(log()).not.toMatch(/install the PyTorch that was built/);
    await expectAsBefore(result);
  });

  test("a full disk: rolled back", async () => {
    const build = plan.steps.find(({ id }) => id === "build-torch") as RunStep;
    const { program, args } = build.command;
    const limited = ["--fsize=4096", "python3", ...args];
    plan = changed("build-torch", {
      command: { ...build.command, program: "prlimit", args: limited },
    });
    expect(program).toBeDefined();
    const result = await run();
    expect(result.failure?.does).toBe("compile torch");
    await expectAsBefore(result);
  });
});

/** What the compiler cache knew, and what it did not. */
function cached(): { hits: number; misses: number } {
  const env = { ...process.env, ...place.env };
  const { stdout } = spawnSync("ccache", ["--print-stats"], { env, encoding: "utf8" });
  const count = (name: string) =>
    Number(new RegExp(`^local_storage_${name}\\t(\\d+)`, "m").exec(stdout)?.[1]);
  return { hits: count("hit"), misses: count("miss") };
}

/** The system's programs but one. */
function pathWithout(program: string): string {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const name of readdirSync("/usr/bin").filter((one) => one !== program)) {
    symlinkSync(join("/usr/bin", name), join(bin, name));
  }
  return bin;
}
