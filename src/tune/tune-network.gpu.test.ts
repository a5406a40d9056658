import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { expectClose } from "../../test/cases.ts";
import { GraphBuilder, randomFeeds } from "../../test/graphs.ts";
import { openGpu } from "../gpu/index.ts";
import { optimize, resolve } from "../passes/index.ts";
import { Session, type SessionOptions } from "../session/index.ts";
import type { Tuning } from "../tunings/tuning.ts";
import { candidatesFor } from "./candidates.ts";
import { type GpuDevice, tuneNetwork, tuningsOf } from "./tune-network.ts";
import { problemsOfModel } from "./tune-problems.ts";

let device: GpuDevice;
beforeAll(async () => {
  const gpu = await openGpu();
  const { name, kind } = gpu.info;
  device = {
    gpu,
    summary: { kind: kind === "gpu" ? kind : "software", name, backend: "webgpu", reason: "test" },
  };
});
afterAll(() => device.gpu.destroy());

/** Two convolutions of one shape, and another operator. */
function network() {
  const b = new GraphBuilder();
  const conv = (x: string) =>
    b.op("Conv", [x, b.weight([8, 8, 3, 3]), b.weight([8])], { pads: [1, 1, 1, 1] });
  const y = conv(b.op("Relu", [conv(b.input("x", [1, 8, 6, 6]))]));
  const graph = b.graph(b.op("Softmax", [y], { axis: 3 }));
  const shapes = new Map([["x", [1, 8, 6, 6]]]);
  const feeds = Object.fromEntries(randomFeeds(resolve(graph, shapes)));
  return { name: "two convolutions", graph, batch: 1, feeds };
}

/** Runs the network in a session; gives its output, its stats and the shaders that it compiled. */
async function runWith(tunings: NonNullable<SessionOptions["tunings"]>) {
  const { graph, feeds } = network();
  const pipeline = vi.spyOn(device.gpu, "pipeline");
  const session = await Session.on(device, graph, { tunings }, { keepOpen: true });
  try {
    const outputs = await session.run(feeds);
    const shaders = pipeline.mock.calls.map(([wgsl]) => wgsl);
    return { output: Object.values(outputs)[0]!, stats: session.stats.tunings, shaders };
  } finally {
    pipeline.mockRestore();
    await session.dispose();
  }
}

test("a network is tuned once: a second call finds everything stored", async () => {
  const subject = network();
  const options = { precision: "f32", budgetMs: 60_000 } as const;
  const stored: (Tuning | undefined)[] = [];
  const first = await tuneNetwork(device, subject, {
    ...options,
    known: [],
    onResult: async (_, tuning) => void stored.push(tuning),
  });
  expect(first.covered).toEqual([]);
  expect(first.problems.map(({ result }) => result?.rejected)).toEqual(
    first.problems.map(() => []),
  );
  const found = stored.filter((tuning) => tuning !== undefined);
  expect(found.length).toBeGreaterThan(0);
  expect(first.tunings.map((t) => t.problem)).toEqual(found.map((t) => t.problem));
  const second = await tuneNetwork(device, subject, { ...options, known: first.tunings });
  expect(second.covered).toHaveLength(first.tunings.length);
  expect(second.tunings).toEqual([]);
});

test("equal problems are searched once and count as often as they are posed", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [1, 4, 4, 4]);
  const relu = (from: string) => b.op("Abs", [b.op("Neg", [from])]);
  const problems = problemsOfModel(b.typed(relu(relu(x))), device.gpu.traits);
  expect(problems.map(({ node, nodes }) => [node.op, nodes])).toEqual([
    ["Neg", 2],
    ["Abs", 2],
  ]);
});

test("a session dispatches the stored choice, not the default one", async () => {
  const plain = await runWith("off");
  expect(plain.stats).toEqual({ used: 0, ignored: [] });
  const captured = convProblem();
  const candidates = candidatesFor(captured, device.gpu.traits);
  const [usual, other] = [candidates[0]!, candidates.find((c) => c.kernel.name === "conv-direct")!];
  expect(usual.kernel.name).not.toBe("conv-direct");
  const shaderOf = (c: typeof usual) => c.program.dispatches[0]!.wgsl;
  expect(plain.shaders).toContain(shaderOf(usual));
  expect(plain.shaders).not.toContain(shaderOf(other));
  const tuning: Tuning = {
    problem: captured.key,
    kernel: other.kernel.name,
    config: other.config,
    wgsl: other.wgsl,
    timeMs: 1,
    defaultMs: 2,
    tunedAt: "2026-11-21T20:00:00.000Z",
  };
  const tuned = await runWith(tuningsOf(device, [tuning]));
  expect(tuned.stats).toEqual({ used: captured.nodes, ignored: [] });
  expect(tuned.shaders).toContain(shaderOf(other));
  expectClose(tuned.output, plain.output, 1e-5);
  const stale = await runWith(tuningsOf(device, [{ ...tuning, wgsl: "0000000000000000" }]));
  expect(stale.stats).toEqual({ used: 0, ignored: [expect.stringContaining("has changed")] });
  expect(stale.shaders).not.toContain(shaderOf(other));
});

/** The network's convolution with a fused step, as a session sees it. */
function convProblem() {
  const { graph } = network();
  const typed = resolve(graph, new Map([["x", [1, 8, 6, 6]]]));
  const problems = problemsOfModel(optimize(typed, { precision: "f32" }), device.gpu.traits);
  return problems.find(({ node }) => node.op === "Conv" && node.epilogue)!;
}
