import { afterAll, beforeAll, expect, test } from "vitest";
import { GraphBuilder } from "../../test/graphs.ts";
import { type Gpu, openGpu } from "../gpu/index.ts";
import type { Binding, Program } from "../kernels/kernel.ts";
import { type NodeProblem, problemsOf } from "../session/plan.ts";
import { sizeOf } from "../tensor/index.ts";
import { type Candidate, candidatesFor } from "./candidates.ts";
import { tuneProblem } from "./tune-problem.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.destroy());

/** The problem of a graph of one node. */
function problemOf(make: (b: GraphBuilder) => string): NodeProblem {
  const b = new GraphBuilder();
  return problemsOf(b.typed(make(b)))[0]!;
}

const absolute = (size: number) => problemOf((b) => b.op("Abs", [b.input("x", [size])]));

/** A way to compute Abs, one element per lane: `statement` may use x, y and i. */
function handWritten(name: string, { problem }: NodeProblem, statement: string): Candidate {
  const size = sizeOf(problem.outputs[0]!.dims);
  const wgsl = `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.x;
  if (i >= ${size}u) { return; }
  ${statement}
}`;
  const bindings: Binding[] = [
    { kind: "input", index: 0 },
    { kind: "output", index: 0 },
  ];
  const workgroups = [Math.ceil(size / 64), 1, 1] as const;
  const program: Program = { dispatches: [{ label: name, wgsl, bindings, workgroups }] };
  const kernel = {
    name,
    supports: () => true as const,
    configs: () => [{}],
    fits: () => true as const,
    build: () => program,
  };
  return { kernel, config: {}, program, wgsl: name };
}

const options = { budgetMs: 60_000 };

test("all ways to compute a convolution are tried, and one of them is named", async () => {
  const problem = problemOf((b) => {
    const x = b.input("x", [1, 9, 9, 8]);
    const attributes = { layout: "NHWC", pads: [1, 1, 1, 1] };
    return b.op("Conv", [x, b.weight([8, 8, 3, 3]), b.weight([8])], attributes);
  });
  const all = candidatesFor(problem, gpu.traits);
  const seen: number[] = [];
  const result = await tuneProblem(gpu, problem, { ...options, onCandidate: (i) => seen.push(i) });
  expect(all.length).toBeGreaterThan(1);
  expect(seen).toEqual(all.map((_, i) => i));
  expect(result).toMatchObject({ candidates: all.length, measured: all.length, rejected: [] });
  expect(all.map((c) => c.kernel.name)).toContain(result.best!.kernel.name);
  expect(result.default!.kernel.name).toBe(all[0]!.kernel.name);
  expect(result.best!.timeMs).toBeLessThanOrEqual(result.default!.timeMs);
});

test("wrong kernels are caught: all wrong, one element wrong, one not written", async () => {
  const problem = absolute(5001);
  const candidates = [
    handWritten("right", problem, "y[i] = abs(x[i]);"),
    handWritten("all wrong", problem, "y[i] = x[i] * 0.999;"),
    handWritten("one wrong", problem, "y[i] = select(abs(x[i]), 0.0, i == 4321u);"),
    handWritten("one missing", problem, "if (i != 77u) { y[i] = abs(x[i]); }"),
  ];
  const { best, rejected, measured } = await tuneProblem(gpu, problem, { ...options, candidates });
  expect(best!.kernel.name).toBe("right");
  expect(measured).toBe(1);
  expect(rejected.map((r) => r.kernel.name)).toEqual(["all wrong", "one wrong", "one missing"]);
  expect(rejected.map((r) => r.why)).toEqual([
    expect.stringContaining("differs from the reference: relative error 0.0010"),
    expect.stringContaining("differs from the reference"),
    expect.stringContaining("NaN or not written: 1 of 5001 elements"),
  ]);
});

test("where the default choice is wrong, another takes its place", async () => {
  const problem = absolute(64);
  const candidates = [
    handWritten("wrong", problem, "y[i] = 1.0 + x[i];"),
    handWritten("right", problem, "y[i] = abs(x[i]);"),
  ];
  const result = await tuneProblem(gpu, problem, { ...options, candidates });
  expect(result.best!.kernel.name).toBe("right");
  expect(result.default).toBeUndefined();
});

test("where all are wrong there is no choice, and it says why", async () => {
  const problem = absolute(64);
  const candidates = ["2.0", "3.0"].map((v) => handWritten(v, problem, `y[i] = ${v} + x[i];`));
  const result = await tuneProblem(gpu, problem, { ...options, candidates });
  expect(result.best).toBeUndefined();
  expect(result.untuned).toMatch(/^no candidate is right: differs from the reference/);
});

// 2.7e8 operations: too many for the reference, which computes samples of them.
const large = () =>
  problemOf((b) => b.op("MatMul", [b.input("a", [512, 512]), b.weight([512, 512])]));

test("of a large output one wrong element is caught although no sample meets it", async () => {
  const problem = large();
  const [first] = candidatesFor(problem, gpu.traits);
  const { dispatches, ...rest } = first!.program;
  const spoil = `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main() { y[200001] += 0.5; }`;
  const output: Binding = { kind: "output", index: 0 };
  const added = { label: "spoil", wgsl: spoil, bindings: [output], workgroups: [1, 1, 1] as const };
  const wrong = { ...first!, program: { ...rest, dispatches: [...dispatches, added] } };
  const candidates = [first!, wrong];
  const { best, rejected } = await tuneProblem(gpu, problem, { ...options, candidates });
  expect(best!.program).toBe(first!.program);
  expect(rejected).toHaveLength(1);
  expect(rejected[0]!.why).toMatch(/^differs from what other kernels compute: one element/);
});

test("a kernel that is wrong in the same way everywhere is caught by the samples", async () => {
  const problem = large();
  const [first, second] = candidatesFor(problem, gpu.traits);
  // The shader multiplies by 1.001 what it stores.
  const dispatches = first!.program.dispatches.map((d) => ({
    ...d,
    wgsl: d.wgsl.replace("var value = first;", "var value = first * 1.001;"),
  }));
  expect(dispatches).not.toEqual(first!.program.dispatches);
  const wrong = { ...first!, program: { ...first!.program, dispatches } };
  const candidates = [wrong, second!];
  const { best, rejected } = await tuneProblem(gpu, problem, { ...options, candidates });
  expect(best!.kernel.name).toBe(second!.kernel.name);
  expect(rejected.map((r) => r.why)).toEqual([
    "differs from the reference: relative error 0.0010, allowed 0.0001",
  ]);
});

test("with no time left the default alone is measured", async () => {
  const problem = absolute(64);
  const candidates = ["a", "b", "c"].map((v) => handWritten(v, problem, "y[i] = abs(x[i]);"));
  const result = await tuneProblem(gpu, problem, { budgetMs: 0, candidates });
  expect(result).toMatchObject({ measured: 1, candidates: 3 });
  expect(result.best!.kernel.name).toBe("a");
});

test("candidates that bring no gain end the search", async () => {
  const problem = absolute(64);
  // Slower by far than the first one: none of them can be a gain, whatever the noise.
  const slow = `var sum = 0.0;
  for (var k = 0u; k < 20000u; k++) { sum = fma(sum, 0.5, x[(i + k) % 64u]); }
  y[i] = abs(x[i]) + sum * 0.0;`;
  const candidates = [
    handWritten("fast", problem, "y[i] = abs(x[i]);"),
    ...Array.from({ length: 40 }, (_, i) => handWritten(`slow ${i}`, problem, slow)),
  ];
  const result = await tuneProblem(gpu, problem, { ...options, candidates });
  expect(result.best!.kernel.name).toBe("fast");
  expect(result.measured).toBeLessThan(candidates.length);
  expect(result.rejected).toEqual([]);
});

test("where all elements are alike, wrong ones could look right: nothing is chosen", async () => {
  const problem = problemOf((b) => b.op("Mul", [b.input("x", [64]), b.constant([1], [0])]));
  const result = await tuneProblem(gpu, problem, options);
  expect(result.untuned).toMatch(/^all elements of its result are 0/);
});
