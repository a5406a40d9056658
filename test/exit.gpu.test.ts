import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "./sources.ts";

// How a process ends that has used the GPU: drivers and Dawn have threads of their own, so this
// is seen from outside, on the built library.

const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  folder = mkdtempSync(join(root, ".cache", "exit-"));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const flags = ["-p", "tsconfig.build.json", "--outDir", folder, "--declaration", "false"];
  await run(process.execPath, [tsc, ...flags], { cwd: root });
  writeFileSync(join(folder, "program.mjs"), program);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = `
import { Session, Tensor, closeDevices, conv2d } from "./index.js";
const relu = { name: "r", op: "Relu", inputs: ["x"], outputs: ["y"], attributes: {} };
const graph = {
  name: "g",
  inputs: [{ name: "x", dtype: "float32", dims: ["N"] }],
  outputs: [{ name: "y" }],
  nodes: [relu],
  constants: new Map(),
};
const x = (n) => new Tensor("float32", new Float32Array(n).fill(n), [n]);
const ending = process.argv[2];
const device = ending === "cpu" ? "cpu" : "software";
if (ending.startsWith("conv2d")) {
  const one = Tensor.from("float32", [3], [1, 1, 1, 1]);
  const y = await conv2d(one, one, { device });
  if (ending === "conv2d, closed") await closeDevices();
  console.log(y.data[0]);
} else {
  const session = await Session.create(graph, { device });
  for (let i = 0; i < 3; i++) await session.run({ x: x(9) });
  const last = session.run({ x: x(9) });
  if (ending === "exit in a run") process.exit(0);
  const { y } = await last;
  console.log(y.data[0]);
  if (ending === "disposed") await session.dispose();
  if (ending === "thrown") throw new Error("on purpose");
}
`;

/** Runs the program until it ends by itself; fails if that takes two minutes. */
async function end(how: string) {
  const options = { cwd: root, timeout: 120_000 };
  return run(process.execPath, [join(folder, "program.mjs"), how], options).then(
    ({ stdout, stderr }) => ({ code: 0, signal: null, stdout, stderr }),
    ({ code, signal, stdout, stderr }) => ({ code, signal, stdout, stderr }),
  );
}

describe("a process that has used the GPU ends by itself, cleanly", () => {
  test.each([
    ["disposed", 0, "9\n"],
    ["not disposed", 0, "9\n"],
    ["exit in a run", 0, ""],
    ["thrown", 1, "9\n"],
    ["conv2d", 0, "9\n"],
    ["conv2d, closed", 0, "9\n"],
    ["cpu", 0, "9\n"],
  ])("%s", async (how, code, stdout) => {
    for (let i = 0; i < 3; i++) {
      const { stderr, ...ended } = await end(how);
      expect(ended, stderr).toEqual({ code, signal: null, stdout });
    }
  });
});
