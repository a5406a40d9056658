import { afterAll, beforeAll, expect, test } from "vitest";
import { type Gpu, openGpu, runProgram } from "../src/gpu/index.ts";
import { convGemm } from "../src/kernels/conv-gemm.ts";
import { type GatheredProduct, gatheredProgram } from "../src/kernels/gathered-product.ts";
import { perOutput } from "../src/kernels/per-output.ts";
import { partsOf } from "../src/kernels/wgsl.ts";
import { relu } from "../src/ops/activations.ts";
import { random } from "../src/ops/case.ts";
import { conv } from "../src/ops/conv.ts";
import { inferNode, problemOf } from "../src/ops/evaluate.ts";
import { Tensor } from "../src/tensor/index.ts";
import { readyCase } from "./cases.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.destroy());

test("parts cover a row of workgroups once, and none is too long", () => {
  for (const [count, work] of [
    [1, 1e12],
    [7, 10],
    [1000, 95],
    [1001, 1e4],
  ] as const) {
    const parts = partsOf(count, work, 10);
    expect(parts.map((p) => p.first)).toEqual(
      parts.map((_, i) => parts.slice(0, i).reduce((sum, p) => sum + p.count, 0)),
    );
    expect(parts.reduce((sum, p) => sum + p.count, 0)).toBe(count);
    if (count > 1) expect(parts.every((p) => (p.count * work) / count <= 20)).toBe(true);
  }
});

test("a dispatch in parts writes every element", async () => {
  const { problem, inputs, outputs } = readyCase(relu, { name: "x", inputs: [random([1000])] });
  const code = "  let value = f32(at);";
  const p = { label: "index", buffers: [], params: {}, steps: [], code, operations: 1e8 };
  const program = perOutput(problem, p, { specialize: false });
  expect(program.dispatches.length).toBe(4);
  const [y] = await runProgram(gpu, program, { inputs, operands: [], outputs });
  expect([...y!.toNumbers()]).toEqual(Array.from({ length: 1000 }, (_, i) => i));
});

test("a product of 600 billion operations takes several dispatches", () => {
  const w = new Tensor("float32", new Float32Array(512 * 512 * 9), [512, 512, 3, 3]);
  const x = { dtype: "float32", dims: [4, 180, 180, 512] } as const;
  const attributes = { layout: "NHWC", pads: [1, 1, 1, 1] };
  const node = { name: "c", op: conv.name, inputs: ["x", "w"], outputs: ["y"], attributes };
  const [y] = inferNode(node, [x, w], [undefined, w]);
  const types = new Map([
    ["x", x],
    ["w", w],
    ["y", y!],
  ]);
  const problem = problemOf(
    node,
    (name) => types.get(name)!,
    (name) => (name === "w" ? w : undefined),
  );
  const tile = { tileM: 64, tileN: 64, depth: 16, rows: 8, cols: 4, stages: 1, splits: 1 };
  const config = { ...tile, unroll: true, half: false };
  const { dispatches } = convGemm.build(problem, config, { specialize: true, tailor: true });
  const groups = dispatches.map(({ workgroups: [a, b, c] }) => a * b * c);
  expect(groups.length).toBe(4);
  expect(groups.reduce((a, b) => a + b)).toBe(Math.ceil((4 * 180 * 180) / 64) * (512 / 64));
  const shaders = new Set(dispatches.map((d) => d.wgsl));
  expect(shaders.size).toBe(1);
});

test("a gathered product in parts writes every element", async () => {
  const { problem, inputs, outputs } = readyCase(relu, { name: "x", inputs: [random([150, 70])] });
  const product: GatheredProduct = {
    label: "row + column",
    ...{ groups: 1, rows: 150, cols: 70, depth: 16 },
    buffers: [],
    params: {},
    loadA: "fn loadA(group: u32, row: u32, k: u32) -> f32 { return f32(row); }",
    loadB: "fn loadB(group: u32, k: u32, col: u32) -> f32 { return f32(col); }",
    placeOf: `fn placeOf(group: u32, row: u32, col: u32) -> u32 {
  return row * params.cols + col;
}`,
    along: { a: "row", b: "col" },
    steps: [],
  };
  const config = { tile: 32, slice: 8, parts: 2 };
  const options = { specialize: false };
  const whole = gatheredProgram(problem, product, config, options);
  const program = gatheredProgram(problem, product, config, options, 1e5);
  expect([whole.dispatches.length, program.dispatches.length]).toEqual([2, 5]);
  const [y] = await runProgram(gpu, program, { inputs, operands: [], outputs });
  const expected = (i: number) => 16 * Math.floor(i / 70) * (i % 70);
  expect([...y!.toNumbers()]).toEqual(Array.from({ length: 150 * 70 }, (_, i) => expected(i)));
});
