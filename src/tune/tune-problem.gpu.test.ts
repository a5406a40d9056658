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
  const result = await tuneProblem(gpu, problem, { ...options, candidates });
  const { best, rejected, measured, isDefaultWrong } = result;
  expect(best!.kernel.name).toBe("right");
  expect(measured).toBe(1);
  expect(isDefaultWrong).toBe(false);
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
  expect(result.isDefaultWrong).toBe(true);
  expect(result.default).toBeUndefined();
});

test("where all are wrong there is no choice, and it says why", async () => {
  const problem = absolute(64);
  const candidates = ["2.0", "3.0"].map((v) => handWritten(v, problem, `y[i] = ${v} + x[i];`));
  const result = await tuneProblem(gpu, problem, { ...options, candidates });
  expect(result.best).toBeUndefined();
  expect(result.untuned).toMatch(/^no candidate is right: differs from the reference/);
});

// 6.6e7 operations: too many for the reference, which computes samples of them.
const large = () =>
  problemOf((b) => b.op("MatMul", [b.input("a", [320, 320]), b.weight([320, 320])]));

test("of a large output one wrong element is caught although no sample meets it", async () => {
  const problem = large();
  const [first] = candidatesFor(problem, gpu.traits);
  const { dispatches, ...rest } = first!.program;
  const spoil = `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main() { y[60001] += 0.2; }`;
  const output: Binding = { kind: "output", index: 0 };
  const added = { label: "spoil", wgsl: spoil, bindings: [output], workgroups: [1, 1, 1] as const };
  const wrong = { ...first!, program: { ...rest, dispatches: [...dispatches, added] } };
  const candidates = [first!, wrong];
  const { best, rejected } = await tuneProblem(gpu, problem, { ...options, candidates });
  expect(best!.program).toBe(first!.program);
  expect(rejected).toHaveLength(1);
  expect(rejected[0]!.why).toMatch(/^differs from what other kernels compute: one element/);
});

test("in float16, one wrong half of a word is caught", async ({ skip }) => {
  skip(!gpu.traits.hasF16, "the device has no shader-f16");
  const size = 77;
  const problem = problemOf((b) => b.op("Abs", [b.input("x", [size], "float16")]));
  const half = (name: string, statement: string): Candidate => {
    const made = handWritten(name, problem, statement);
    const dispatches = made.program.dispatches.map((d) => {
      return { ...d, wgsl: `enable f16;\n${d.wgsl.replaceAll("array<f32>", "array<f16>")}` };
    });
    return { ...made, program: { dispatches } };
  };
  const candidates = [
    half("right", "y[i] = abs(x[i]);"),
    half("last wrong", `y[i] = select(abs(x[i]), 9.0h, i == ${size - 1}u);`),
    half("odd wrong", "y[i] = select(abs(x[i]), 9.0h, i == 33u);"),
  ];
  const { best, rejected } = await tuneProblem(gpu, problem, { ...options, candidates });
  expect(best!.kernel.name).toBe("right");
  expect(rejected.map((r) => r.kernel.name)).toEqual(["last wrong", "odd wrong"]);
});

test("in float16, large outputs are compared in samples and as a whole", async ({ skip }) => {
  skip(!gpu.traits.hasF16, "the device has no shader-f16");
  const problem = problemOf((b) => {
    const w = b.constant(
      [320, 320],
      Array.from({ length: 102_400 }, (_, i) => Math.sin(i)),
      "float16",
    );
    return b.op("MatMul", [b.input("a", [320, 320], "float16"), w]);
  });
  const [first] = candidatesFor(problem, gpu.traits);
  const spoil = `enable f16;
@group(0) @binding(0) var<storage, read_write> y: array<f16>;
@compute @workgroup_size(1) fn main() { y[INDEX] += 50.0h; }`;
  const output: Binding = { kind: "output", index: 0 };
  const spoilt = (index: number): Candidate => {
    const wgsl = spoil.replace("INDEX", `${index}u`);
    const added = { label: "spoil", wgsl, bindings: [output], workgroups: [1, 1, 1] as const };
    return {
      ...first!,
      program: { ...first!.program, dispatches: [...first!.program.dispatches, added] },
    };
  };
  // The last element is always among the samples; of these two at most one.
  const candidates = [first!, spoilt(102_399), spoilt(60_001), spoilt(60_002)];
  const { best, rejected } = await tuneProblem(gpu, problem, { ...options, candidates });
  expect(best!.program).toBe(first!.program);
  expect(rejected.map((r) => r.why.split(":")[0])).toEqual([
    "differs from the reference",
    "differs from what other kernels compute",
    "differs from what other kernels compute",
  ]);
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
  const wrong = (i: number) => handWritten(`wrong ${i}`, problem, "y[i] = x[i] - 1.0;");
  const candidates = [
    handWritten("right", problem, "y[i] = abs(x[i]);"),
    ...Array.from({ length: 40 }, (_, i) => wrong(i)),
  ];
  const { best, rejected } = await tuneProblem(gpu, problem, { ...options, candidates });
  expect(best!.kernel.name).toBe("right");
  expect(rejected.length).toBeGreaterThan(5);
  expect(rejected.length).toBeLessThan(40);
});

test("where all elements are alike, wrong ones could look right: nothing is chosen", async () => {
  const problem = problemOf((b) => b.op("Mul", [b.input("x", [64]), b.constant([1], [0])]));
  const result = await tuneProblem(gpu, problem, options);
  expect(result.untuned).toMatch(/^all elements of its result are 0/);
});
