import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sum } from "../../test/small-networks.ts";
import { root } from "../../test/sources.ts";
import { writeOnnx } from "../onnx/index.ts";
import { Tensor } from "../tensor/index.ts";
import { readNpy, writeNpy } from "./npy.ts";

// The command as it is installed: built, in a process of its own. What it says is tested in this
// process by the other tests.

let folder: string;
beforeAll(async () => {
  await mkdir(join(root, ".cache"), { recursive: true });
  folder = await mkdtemp(join(root, ".cache", "cli-"));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const flags = ["-p", "tsconfig.build.json", "--outDir", join(folder, "dist")];
  await spawn(process.execPath, [tsc, ...flags, "--declaration", "false"], root);
  await copyFile(join(root, "package.json"), join(folder, "package.json"));
  await writeFile(join(folder, "sum.onnx"), writeOnnx(sum));
  await writeFile(join(folder, "x.npy"), writeNpy(Tensor.from("float32", [1, 2, 3], [1, 3])));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function spawn(program: string, argv: readonly string[], cwd: string): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, argv, { cwd }, (error, out, err) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, out, err });
    });
  });
}

const rekindle = (line: string) =>
  spawn(process.execPath, [join(folder, "dist/cli/main.js"), ...line.split(" ")], folder);

test("runs a network and ends", async () => {
  const line = "run sum.onnx --input left=x.npy right=x.npy --output sum=y.npy --device cpu";
  const { code, out, err } = await rekindle(line);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain("first 2 4 6");
  const y = readNpy(await readFile(join(folder, "y.npy")), "y.npy");
  expect([...y.toNumbers()]).toEqual([2, 4, 6]);
});

test("an error goes to stderr, with exit code 2 and no stack", async () => {
  const { code, out, err } = await rekindle("run som.onnx");
  expect([code, out]).toEqual([2, ""]);
  expect(err).toBe('error: model som.onnx does not exist\n  fix: did you mean "sum.onnx"?\n');
});

test("a reader that leaves early is no error", async () => {
  const shell = `${process.execPath} dist/cli/main.js help run | head -n 1; echo \${PIPESTATUS[0]}`;
  const { out, err } = await spawn("bash", ["-c", shell], folder);
  expect(out).toBe("Usage: rekindle run <MODEL> [options]\n0\n");
  expect(err).toBe("");
});

// The doctor gives each question a few seconds, which a machine that is busy may exceed.
test("the doctor asks WebGPU through the built command", { retry: 2 }, async () => {
  const { out, err } = await rekindle("doctor --json");
  expect(err).toBe("");
  const { facts } = JSON.parse(out);
  expect(facts.webgpu).toMatchObject({ adapters: expect.any(Array) });
  expect(facts.unknown?.some((u: { probe: string }) => u.probe === "webgpu") ?? false).toBe(false);
});
