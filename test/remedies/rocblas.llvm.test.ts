import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { rocblasLibrary } from "../../src/remedies/catalog/rocblas-library.ts";
import type { FixResult, Plan, RunStep } from "../../src/remedies/index.ts";
import { temporaryFolder } from "../command.ts";
import { root } from "../sources.ts";
import {
  type Circumstances,
  carryOut,
  factsWith,
  type Place,
  placeIn,
  planIn,
  takeBack,
  withoutDiskNeed,
} from "./carry-out.ts";
import { git, type Loopback, serveLoopback } from "./loopback.ts";
import { treeLines } from "./sandbox.ts";
import { makeRocm } from "./small-torch.ts";

// Matrix kernels for the card, compiled from sources that a git server gives.

const llvm = process.env.REKINDLE_LLVM ?? "/usr/lib/llvm-19/bin";

let shared: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Loopback;
let rocm: string;

beforeAll(async () => {
  shared = await temporaryFolder();
  server = await serveLoopback(shared.folder);
  rocm = makeRocm(join(shared.folder, "rocm"), llvm);
  const repository = join(shared.folder, "git/rocblas.git");
  cpSync(join(root, "fixtures/mini-rocblas"), repository, { recursive: true });
  git(repository, "init", "--quiet", "--initial-branch=main");
  git(repository, "add", "--all");
  git(repository, "commit", "--quiet", "--message=sources");
  // The release of the ROCm that is there.
  git(repository, "tag", "rocm-7.2.0");
});
afterAll(async () => {
  server.close();
  await shared.remove();
});

let remove: () => Promise<void>;
let place: Place;
let plan: Plan;
let before: string[];
const library = () => join(place.home, "torch/lib/rocblas/library");

beforeEach(async () => {
  const made = await temporaryFolder();
  remove = made.remove;
  server.trouble = undefined;
  place = placeIn(made.folder);
  mkdirSync(library(), { recursive: true });
  writeFileSync(join(library(), "TensileLibrary_lazy_gfx1030.dat"), "for another card");
  before = await treeLines(place.home);
  plan = await planned();
});
afterEach(() => remove());

async function planned(): Promise<Plan> {
  const source = `${server.url}/git/rocblas.git`;
  const options = { from: "build", rocm, folder: "~/build", source };
  const facts = factsWith({ torch: [{ path: join(place.home, "torch"), rocmVersion: "7.2.0" }] });
  const plan = withoutDiskNeed(await planIn(place, rocblasLibrary, options, facts));
  const steps = plan.steps.map((step) =>
    step.id === "make-environment" ? withoutPip(step as RunStep) : step,
  );
  return { ...plan, steps };
}

/** Nothing is installed with it here, and putting it there takes seconds. */
const withoutPip = ({ command, ...step }: RunStep): RunStep => ({
  ...step,
  command: { ...command, args: [...command.args, "--without-pip"] },
});

const run = (circumstances: Circumstances = {}, what: Plan | undefined = plan) =>
  carryOut(place, rocblasLibrary, what, circumstances);

async function expectAsBefore({ outcome }: FixResult) {
  expect(outcome).toBe("rolled-back");
  expect(await treeLines(place.home)).toEqual(before);
}

function expectBuilt(result: FixResult) {
  expect(result.failure).toBeUndefined();
  expect(result).toMatchObject({ outcome: "worked", proofs: [{ answer: "passed" }] });
  expect(readdirSync(library()).filter((name) => name.endsWith("_gfx1010.hsaco"))).toHaveLength(3);
  expect(existsSync(join(place.home, "build"))).toBe(false);
}

test("compiled with progress, put in place, inspected; undone", async () => {
  const counted: (number | undefined)[] = [];
  const result = await run({ onEvent: ({ progress }) => void counted.push(progress?.done) });
  expectBuilt(result);
  expect(counted).toEqual(expect.arrayContaining([1, 2, 3]));
  expect((await takeBack(place, rocblasLibrary)).outcome).toBe("undone");
  expect(await treeLines(place.home)).toEqual(before);
});

test("stopped while it compiles, gone on with", async () => {
  const stopper = new AbortController();
  const stopped = await run({
    signal: stopper.signal,
    onEvent: ({ progress }) => progress?.done === 2 && stopper.abort(),
  });
  expect(stopped.outcome).toBe("stopped");
  expect(readdirSync(library())).toEqual(["TensileLibrary_lazy_gfx1030.dat"]);
  expectBuilt(await carryOut(place, rocblasLibrary, undefined));
});

test("a release that the server does not have: rolled back", async () => {
  const { steps } = plan;
  const text = JSON.stringify(steps).replaceAll("rocm-7.2.0", "rocm-7.2.9");
  const result = await run({}, { ...plan, steps: JSON.parse(text) });
  expect(result.failure?.lines.join("\n")).toMatch(/rocm-7\.2\.9/);
  await expectAsBefore(result);
});

test("a compiler that fails is told with its lines: rolled back", async () => {
  const broken = (step: Plan["steps"][number]) =>
    step.id === "build-rocblas" ? { ...step, needs: [] } : step;
  const result = await run(
    {
      onEvent({ does, state }) {
        if (!/^compile/.test(does) || state !== "begin") return;
        writeFileSync(join(place.home, "build/rocBLAS/kernels/product.cl"), "kernel void p(");
      },
    },
    { ...plan, steps: plan.steps.map(broken) },
  );
  expect(result.failure?.lines.join("\n")).toMatch(/product\.cl:1:\d+: error/);
  await expectAsBefore(result);
});

test("code for another card in the result: the former library is put back", async () => {
  const text = JSON.stringify(plan).replace(
    '"--architecture","gfx1010"',
    '"--architecture","gfx1030"',
  );
  const result = await run({}, JSON.parse(text));
  expect(result.failure?.why).toMatch(/gfx1010/);
  expect(readFileSync(join(place.state, "log.txt"), "utf8")).toMatch(/SS_scale_gfx1030\.hsaco/);
  await expectAsBefore(result);
});
