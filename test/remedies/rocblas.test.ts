import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rocblasLibrary } from "../../src/remedies/catalog/rocblas-library.ts";
import type { FixResult, Plan } from "../../src/remedies/index.ts";
import { temporaryFolder } from "../command.ts";
import { root } from "../sources.ts";
import { carryOut, factsWith, type Place, placeIn, planIn, takeBack } from "./carry-out.ts";
import { treeLines } from "./sandbox.ts";

// Matrix kernels for the card, copied from a ROCm of this machine into a PyTorch that lacks them.

const samples = join(root, "fixtures/inspect");
const kernels = join(samples, "rocm/lib/rocblas/library");
const ofCard = readdirSync(kernels).filter((name) => name.includes("gfx1010"));

let remove: () => Promise<void>;
let place: Place;
let before: string[];
const at = (path: string) => join(place.home, path);
const library = () => at("env/lib/python3.12/site-packages/torch/lib/rocblas/library");

beforeEach(async () => {
  const made = await temporaryFolder();
  remove = made.remove;
  place = placeIn(made.folder);
  const isOther = (path: string) => !path.includes("gfx1010");
  cpSync(kernels, library(), { recursive: true, filter: isOther });
  cpSync(kernels, at("rocm/lib/rocblas/library"), { recursive: true });
  before = await treeLines(place.home);
});
afterEach(() => remove());

/** A PyTorch of its own, and a ROCm beside it. */
const facts = () =>
  factsWith({
    torch: [{ path: at("env/lib/python3.12/site-packages/torch"), rocmVersion: "6.2.4" }],
    rocm: [{ path: at("rocm"), version: "6.4.1", rocblasTargets: ["gfx1010", "gfx1030"] }],
  });

const planned = (options: Readonly<Record<string, string>> = {}): Promise<Plan> =>
  planIn(place, rocblasLibrary, options, facts());

async function expectAsBefore({ outcome }: FixResult) {
  expect(outcome).toBe("rolled-back");
  expect(await treeLines(place.home)).toEqual(before);
}

async function expectCopied(result: FixResult) {
  expect(result.failure).toBeUndefined();
  expect(result).toMatchObject({ outcome: "worked", proofs: [{ answer: "passed" }] });
  expect(readdirSync(library())).toEqual(expect.arrayContaining(ofCard));
  expect((await takeBack(place, rocblasLibrary)).outcome).toBe("undone");
  expect(await treeLines(place.home)).toEqual(before);
}

test("the ROCm that has kernels for the card gives them; undone", async () => {
  const plan = await planned();
  expect(ofCard.length).toBeGreaterThan(1);
  expect(plan.steps).toHaveLength(ofCard.length);
  expect(plan.notes.join()).toMatch(/PyTorch is of ROCm 6\.2\.4, the kernels are of 6\.4\.1/);
  await expectCopied(await carryOut(place, rocblasLibrary, plan));
});

test("stopped between two files, gone on with", async () => {
  const stopper = new AbortController();
  const stopped = await carryOut(place, rocblasLibrary, await planned(), {
    signal: stopper.signal,
    onEvent: ({ state }) => state === "end" && stopper.abort(),
  });
  expect(stopped.outcome).toBe("stopped");
  const copied = readdirSync(library()).filter((name) => ofCard.includes(name));
  expect(copied).toHaveLength(1);
  await expectCopied(await carryOut(place, rocblasLibrary, undefined));
});

test("a file that is gone when its turn comes: rolled back", async () => {
  const source = at("kernels");
  cpSync(kernels, source, { recursive: true });
  before = await treeLines(place.home);
  const plan = await planned({ from: source });
  const [last] = ofCard.slice(-1);
  const away = join(place.state, "away");
  const result = await carryOut(place, rocblasLibrary, plan, {
    onEvent({ index, state, direction }) {
      if (direction !== "forward" || index !== 0 || state !== "end") return;
      cpSync(join(source, last!), away, { preserveTimestamps: true });
      rmSync(join(source, last!));
    },
  });
  expect(result.failure?.does).toBe(`copy ${last} from ${source}`);
  expect(result.outcome).toBe("rolled-back");
  const lines = await treeLines(library());
  expect(lines.filter((line) => ofCard.some((name) => line.startsWith(name)))).toEqual([]);
});

test("files of that name with code for another card are no success", async () => {
  const source = at("kernels");
  mkdirSync(source);
  cpSync(join(samples, "two-gfx90a.co"), join(source, "Kernels.so-000-gfx1010.hsaco"));
  before = await treeLines(place.home);
  const result = await carryOut(place, rocblasLibrary, await planned({ from: source }));
  expect(result.failure?.why).toMatch(/gfx1010/);
  await expectAsBefore(result);
});

test("refused while planning: nothing to copy, kernels that are there, no folder", async () => {
  mkdirSync(at("empty"));
  await expect(planned({ from: at("empty") })).rejects.toThrow(/no rocBLAS here has kernels for/);
  writeFileSync(join(library(), "TensileLibrary_gfx1010.dat"), "");
  await expect(planned()).rejects.toThrow(/has kernels for gfx1010 already/);
  await expect(planned({ to: at("nowhere") })).rejects.toThrow(/no rocBLAS folder is known/);
  expect(existsSync(at("nowhere"))).toBe(false);
});
