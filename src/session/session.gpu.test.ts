import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { expectClose } from "../../test/cases.ts";
import { GraphBuilder, randomFeeds } from "../../test/graphs.ts";
import { residualProducts } from "../../test/residual-products.ts";
import { Gpu, openGpu } from "../gpu/index.ts";
import type { Graph } from "../graph/index.ts";
import { writeOnnx } from "../onnx/index.ts";
import { evaluateGraph, resolve } from "../passes/index.ts";
import { Tensor } from "../tensor/index.ts";
import type { Model } from "./load.ts";
import { Session } from "./session.ts";
import type { SessionOptions } from "./types.ts";

const software = { device: "software" };

/** One opened device for all tests but those that destroy it. */
let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu({ kind: "software" });
});
afterAll(() => gpu.destroy());

function sessionOf(model: Model, options: SessionOptions = {}): Promise<Session> {
  const summary = { kind: "software", name: "test", backend: "webgpu", reason: "test" } as const;
  return Session.on({ gpu, summary }, model, options, { keepOpen: true });
}

/** Runs a graph on the device and compares every output with the references. */
async function expectRight(graph: Graph, seed = 3): Promise<void> {
  const shapes = new Map(graph.inputs.map((i) => [i.name, i.dims as number[]]));
  const typed = resolve(graph, shapes);
  const feeds = randomFeeds(typed, seed);
  const expected = evaluateGraph(typed, feeds);
  const session = await sessionOf(graph);
  const actual = await session.run(Object.fromEntries(feeds));
  expect(Object.keys(actual)).toEqual(graph.outputs.map((o) => o.name));
  for (const [name, tensor] of expected) expectClose(actual[name]!, tensor, 1e-5);
  await session.dispose();
}

/** x -> Relu -> LeakyRelu -> ... with `N` free. */
function chain(length: number): Graph {
  const b = new GraphBuilder();
  let y = b.input("x", ["N", 5]);
  for (let i = 0; i < length; i++) y = b.op("LeakyRelu", [y], { alpha: 0.9 });
  return b.graph(y);
}

const x = (n: number, value = -1) =>
  new Tensor("float32", new Float32Array(n * 5).fill(value), [n, 5]);

describe("results", () => {
  test("a small convolutional network with a residual", async () => {
    const b = new GraphBuilder();
    const input = b.input("x", [2, 3, 12, 10]);
    const conv = (y: string, c: number, k: number, size: number, attributes = {}) =>
      b.op("Conv", [y, b.weight([k, c, size, size], -0.3, 0.3), b.weight([k])], attributes);
    const stem = b.op("Relu", [conv(input, 3, 8, 3, { pads: [1, 1, 1, 1], strides: [2, 2] })]);
    const inner = b.op("Relu", [conv(stem, 8, 8, 3, { pads: [1, 1, 1, 1] })]);
    const sum = b.op("Add", [conv(inner, 8, 8, 1), stem]);
    const flat = b.op("Flatten", [sum]);
    await expectRight(b.graph(flat, stem));
  });

  test("products that share a shader, with or without a sum, a Relu and strides", async () => {
    await expectRight(residualProducts());
  });

  test("views of an input, of a constant, of a value, and of each other", async () => {
    const b = new GraphBuilder();
    const input = b.input("x", [2, 6]);
    const seen = b.op("Reshape", [b.op("Flatten", [input]), b.ints(3, 4)]);
    const added = b.op("Add", [seen, b.op("Reshape", [b.weight([12]), b.ints(3, 4)])]);
    const output = b.op("Reshape", [b.op("Unsqueeze", [added, b.ints(0)]), b.ints(12)]);
    await expectRight(b.graph(output, added, seen));
  });

  test("outputs that nothing computes: an input, a constant, one value twice", async () => {
    const b = new GraphBuilder();
    const input = b.input("x", [3]);
    const y = b.op("Relu", [input]);
    await expectRight(b.graph(input, b.weight([2, 2]), y));
  });

  test("an operand that is read twice", async () => {
    const b = new GraphBuilder();
    const y = b.op("Relu", [b.input("x", [4, 4])]);
    await expectRight(b.graph(b.op("Add", [y, y])));
  });

  test("NaN and infinity pass through as they are", async () => {
    const b = new GraphBuilder();
    const session = await sessionOf(b.graph(b.op("Reshape", [b.input("x", [3]), b.ints(3, 1)])));
    const data = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, -0);
    const [y] = Object.values(await session.run({ x: new Tensor("float32", data, [3]) }));
    expect(Object.is(y!.data[2], -0)).toBe(true);
    expect([y!.data[0], y!.data[1]]).toEqual([Number.NaN, Number.POSITIVE_INFINITY]);
    await session.dispose();
  });

  test("float16 inputs and outputs of odd length", async ({ skip }) => {
    skip(!gpu.traits.hasF16, "the device has no shader-f16");
    const b = new GraphBuilder();
    const graph = b.graph(b.op("Relu", [b.input("x", [5], "float16")]));
    const session = await sessionOf(graph);
    const [y] = Object.values(
      await session.run({ x: Tensor.from("float16", [1, -2, 3, -4, 0.5], [5]) }),
    );
    expect(y!.dtype).toBe("float16");
    expect([...y!.toNumbers()]).toEqual([1, 0, 3, 0, 0.5]);
    await session.dispose();
  });

  test("precision f16 keeps the types of inputs and outputs", async ({ skip }) => {
    skip(!gpu.traits.hasF16, "the device has no shader-f16");
    const b = new GraphBuilder();
    const y = b.op("Relu", [b.op("MatMul", [b.input("x", [1, 64]), b.weight([64, 64])])]);
    const graph = b.graph(y);
    const session = await sessionOf(graph, { precision: "f16" });
    const feed = Tensor.from(
      "float32",
      Array.from({ length: 64 }, (_, i) => i / 64),
      [1, 64],
    );
    const actual = (await session.run({ x: feed }))[y]!;
    const typed = resolve(graph, new Map([["x", [1, 64]]]));
    expectClose(actual, evaluateGraph(typed, new Map([["x", feed]])).get(y)!, 2e-3);
    expect(session.precision).toBe("f16");
    expect(session.stats.weightBytes).toBe(2 * 64 * 64);
    await session.dispose();
  });
});

describe("shapes", () => {
  test("free sizes are settled by each run; four stay prepared", async () => {
    const progress: string[] = [];
    const session = await sessionOf(chain(2), { onProgress: (p) => progress.push(p.stage) });
    const optimized = () => progress.filter((stage) => stage === "optimize").length / 2;
    expect(optimized()).toBe(0);
    for (const n of [1, 2, 3, 4]) await session.run({ x: x(n) });
    expect(optimized()).toBe(4);
    const { activationBytes } = session.stats;
    for (const n of [1, 2, 3, 4]) {
      const [y] = Object.values(await session.run({ x: x(n) }));
      expect(y!.dims).toEqual([n, 5]);
    }
    expect(optimized()).toBe(4);
    await session.run({ x: x(5) });
    expect(session.stats.activationBytes).toBeGreaterThan(activationBytes);
    await session.run({ x: x(1) });
    expect(optimized()).toBe(6);
    await session.dispose();
  });

  test("`dimensions` settles them when the session is created", async () => {
    const session = await sessionOf(chain(1), { dimensions: { N: 3 } });
    expect(session.inputs[0]!.dims).toEqual([3, 5]);
    expect(session.outputs[0]!.dims).toEqual([3, 5]);
    expect(session.stats.dispatches).toBe(1);
    await expect(session.run({ x: x(2) })).rejects.toMatchObject({ code: "input-shape" });
    await expect(sessionOf(chain(1), { dimensions: { M: 3 } })).rejects.toMatchObject({
      code: "usage",
      fix: expect.stringContaining('"N"'),
    });
    await session.dispose();
  });
});

describe("models", () => {
  test("as a path, as bytes and as a graph give the same", async () => {
    const b = new GraphBuilder();
    const graph = b.graph(b.op("MatMul", [b.input("x", ["N", 5]), b.weight([5, 3])]));
    const folder = await mkdtemp(join(tmpdir(), "rekindle-"));
    const path = join(folder, "model.onnx");
    await writeFile(path, writeOnnx(graph));
    const results: unknown[] = [];
    for (const model of [graph, writeOnnx(graph), path]) {
      const session = await sessionOf(model);
      results.push(Object.values(await session.run({ x: x(2) })));
      await session.dispose();
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
    await rm(folder, { recursive: true });
  });

  test("a missing file, and bytes that are no model", async () => {
    await expect(sessionOf("no/such/file.onnx")).rejects.toMatchObject({ code: "file-missing" });
    const cut = writeOnnx(chain(3)).subarray(0, 60);
    await expect(sessionOf(cut)).rejects.toMatchObject({
      code: expect.stringMatching(/^(file|model)-invalid$/),
    });
  });
});

describe("what a run costs", () => {
  test("the second run makes no buffer, and 300 runs stay as they are", async () => {
    const session = await sessionOf(chain(6));
    await session.run({ x: x(2) });
    const made = vi.spyOn(gpu.device, "createBuffer");
    const before = session.stats;
    for (let i = 1; i <= 300; i++) {
      const [y] = Object.values(await session.run({ x: x(2, -i) }));
      expect(y!.data[9]).toBeCloseTo(-i * 0.9 ** 6, 3);
    }
    expect(made).not.toHaveBeenCalled();
    expect(session.stats).toEqual({ ...before, runs: 301, lastRunMs: expect.any(Number) });
    made.mockRestore();
    await session.dispose();
  });

  test("the computation can be timed without transfers, after a run", async () => {
    const session = await sessionOf(chain(2));
    expect(await session.timeOnDevice(2)).toBeUndefined();
    await session.run({ x: x(2) });
    const times = await session.timeOnDevice(3);
    expect(times).toHaveLength(3);
    expect(times!.every((ms) => ms > 0)).toBe(true);
    await session.dispose();
  });

  test("a chain needs two activation buffers, however long it is", async () => {
    const b = new GraphBuilder();
    let y = b.input("x", [1000]);
    for (let i = 0; i < 5; i++) y = b.op("Concat", [y, b.op("Relu", [y])], { axis: 0 });
    const session = await sessionOf(b.graph(y));
    const bytes = 4 * 1000 * 32;
    expect(session.stats.activationBytes).toBeLessThanOrEqual(2.5 * bytes);
    await session.dispose();
  });

  test("weights are stored once for all shapes, and freed with the session", async () => {
    const b = new GraphBuilder();
    const y = b.op("Add", [b.input("x", ["N", 4096]), b.weight([4096])]);
    const session = await sessionOf(b.graph(y));
    const feed = (n: number) => new Tensor("float32", new Float32Array(n * 4096), [n, 4096]);
    await session.run({ x: feed(1) });
    await session.run({ x: feed(2) });
    expect(session.stats.weightBytes).toBe(4 * 4096);
    await session.dispose();
    expect(session.stats.weightBytes).toBe(0);
    expect(session.stats.activationBytes).toBe(0);
  });

  test("so are weights that a scale was folded into", async () => {
    const b = new GraphBuilder();
    const product = b.op("Gemm", [b.input("x", ["N", 64]), b.weight([64, 64])]);
    const session = await sessionOf(b.graph(b.op("Mul", [product, b.weight([64])])));
    const feed = (n: number) => new Tensor("float32", new Float32Array(n * 64), [n, 64]);
    await session.run({ x: feed(1) });
    const { weightBytes } = session.stats;
    await session.run({ x: feed(2) });
    expect(session.stats.dispatches).toBe(1);
    expect(session.stats.weightBytes - weightBytes).toBeLessThan(4 * 64 * 64);
    await session.dispose();
  });
});

describe("errors", () => {
  test("wrong names, types and shapes say what is right", async () => {
    const session = await sessionOf(chain(1));
    await expect(session.run({ image: x(1) })).rejects.toMatchObject({
      code: "input-name",
      fix: expect.stringContaining('"x"'),
    });
    await expect(
      session.run({ x: Tensor.from("float16", [1, 2, 3, 4, 5], [1, 5]) }),
    ).rejects.toMatchObject({ code: "input-dtype", message: /float16.*float32/ });
    const wide = new Tensor("float32", new Float32Array(6), [1, 6]);
    await expect(session.run({ x: wide })).rejects.toMatchObject({
      code: "input-shape",
      message: expect.stringMatching(/"x", axis 1.*5.*6/),
    });
    await expect(session.run({ x: [1, 2] as unknown as Tensor })).rejects.toMatchObject({
      code: "input-dtype",
    });
    await session.run({ x: x(1) });
    await session.dispose();
  });

  test("runs that overlap wait for each other; after dispose() they are an error", async () => {
    const session = await sessionOf(chain(1));
    const runs = [1, 2, 3].map((n) => session.run({ x: x(n) }));
    const bad = session.run({ y: x(1) });
    const disposed = session.dispose();
    await expect(bad).rejects.toMatchObject({ code: "input-name" });
    const sizes = (await Promise.all(runs)).map((r) => Object.values(r)[0]!.size);
    expect(sizes).toEqual([5, 10, 15]);
    await disposed;
    await expect(session.run({ x: x(1) })).rejects.toMatchObject({ code: "disposed" });
    await session[Symbol.asyncDispose]();
  });

  test("a value that is too large for the device, with both numbers", async () => {
    const b = new GraphBuilder();
    const graph = b.graph(b.op("Relu", [b.input("x", [1, 64, 100_000, 100_000])]));
    await expect(sessionOf(graph)).rejects.toMatchObject({
      code: "device-limit",
      message: expect.stringMatching(/"x" needs 2.3 TiB.* at most /),
    });
  });

  test("float16 without shader-f16, asked for or in the model", async () => {
    const plain = new Gpu(gpu.device, gpu.info, { ...gpu.traits, hasF16: false });
    const summary = { kind: "software", name: "plain", backend: "webgpu", reason: "" } as const;
    const create = (graph: Graph, options: SessionOptions) =>
      Session.on({ gpu: plain, summary }, graph, options, { keepOpen: true });
    await expect(create(chain(1), { precision: "f16" })).rejects.toMatchObject({
      code: "precision",
      fix: expect.stringContaining("f32"),
    });
    const b = new GraphBuilder();
    const half = b.graph(b.op("Relu", [b.input("half", [4], "float16")]));
    await expect(create(half, {})).rejects.toMatchObject({
      code: "precision",
      message: expect.stringContaining('"half"'),
    });
  });

  test("a lost device is told to runs in flight and later; a new session works", async () => {
    const device = await openGpu({ kind: "software" });
    const summary = { kind: "software", name: "lost", backend: "webgpu", reason: "" } as const;
    const session = await Session.on({ gpu: device, summary }, chain(1), {}, { keepOpen: false });
    await session.run({ x: x(1) });
    const inFlight = session.run({ x: x(1) });
    device.device.destroy();
    await expect(inFlight).rejects.toMatchObject({ code: "device-lost" });
    await expect(session.run({ x: x(1) })).rejects.toMatchObject({ code: "device-lost" });
    await session.dispose();
    const next = await Session.create(chain(1), software);
    await next.run({ x: x(1) });
    await next.dispose();
  });

  test("a fault in the commands of a run is told by that run", async () => {
    const session = await sessionOf(chain(1));
    await session.run({ x: x(1) });
    const made = vi.spyOn(gpu.device, "createCommandEncoder").mockImplementationOnce(() => {
      const foreign = gpu.device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ });
      gpu.device.queue.writeBuffer(foreign, 0, new Uint8Array(16));
      made.mockRestore();
      return gpu.device.createCommandEncoder();
    });
    await expect(session.run({ x: x(1) })).rejects.toMatchObject({ code: "internal" });
    await session.run({ x: x(1) });
    await session.dispose();
  });
});
