import { expect, test } from "vitest";
import { readyCase, relativeError } from "../../test/cases.ts";
import { GraphBuilder } from "../../test/graphs.ts";
import type { TypedGraph } from "../graph/index.ts";
import { evaluateNode, evaluateNodeAt } from "../ops/evaluate.ts";
import { ops } from "../ops/index.ts";
import { fuseEpilogues } from "../passes/epilogue.ts";
import { type NodeProblem, problemsOf } from "../session/plan.ts";
import { Tensor } from "../tensor/index.ts";
import { expectedOf } from "./expected.ts";
import { problemData } from "./problem-data.ts";

const withElements = [...ops.values()].filter((op) => op.referenceAt);
const noOperand = () => {
  throw new Error("there is no fused step");
};

test("convolution and matrix products give single elements", () => {
  expect(withElements.map((op) => op.name).sort()).toEqual([
    "Conv",
    "Gemm",
    "MatMul",
    "SeparableConv",
  ]);
});

test.each(withElements.flatMap((op) => op.cases.map((c) => [op.name, c.name, op, c] as const)))(
  "%s, %s: single elements are those of the whole output",
  (_, __, op, opCase) => {
    const { node, inputs, outputs } = readyCase(op, opCase);
    const dims = outputs[0]!.dims;
    const whole = evaluateNode(node, inputs, [{ dtype: "float64", dims }], noOperand)[0]!;
    // Backwards, and not all of them.
    const indices = Uint32Array.from({ length: whole.size }, (_, i) => whole.size - 1 - i).slice(1);
    const picked = evaluateNodeAt(node, inputs, outputs, noOperand, indices)!;
    const values = whole.toNumbers();
    expect([...picked]).toEqual([...indices].map((i) => values[i]));
  },
);

/** The first node of a graph with its fused steps. */
function firstOf(graph: TypedGraph): NodeProblem {
  return problemsOf(fuseEpilogues(graph))[0]!;
}

/** A product of which all elements, or samples, are computed by the reference. */
function product(M: number, depth: number): NodeProblem {
  const b = new GraphBuilder();
  const product = b.op("MatMul", [b.input("a", [M, depth]), b.weight([depth, 300])]);
  const scaled = b.op("Div", [b.input("r", [M, 1]), product]);
  return firstOf(b.typed(b.op("Relu", [b.op("Add", [scaled, b.input("s", [300])])])));
}

test("samples of a large output are those of the whole, fused steps included", () => {
  const problem = product(200, 500);
  expect(problem.node.epilogue).toHaveLength(3);
  const data = problemData(problem);
  const [expected] = expectedOf(problem, data) as Exclude<ReturnType<typeof expectedOf>, string>;
  const { indices, values } = expected!;
  expect(indices!.length).toBe(4096);
  expect(new Set(indices).size).toBe(4096);
  expect([indices![0], indices!.at(-1)]).toEqual([0, 200 * 300 - 1]);
  const names = problem.node.epilogue!.flatMap((step) => step.operand ?? []);
  const dims = [200, 300];
  const whole = evaluateNode(
    problem.node,
    data.inputs,
    [{ dtype: "float64", dims }],
    (name) => data.operands[names.indexOf(name)]!,
  )[0]!.toNumbers();
  const picked = Float64Array.from(indices!, (i) => whole[i]!);
  const tensor = (data: Float64Array) => new Tensor("float64", data, [data.length]);
  expect(relativeError(tensor(values), tensor(picked))).toBeLessThan(1e-12);
});

test("a small output is computed whole", () => {
  const problem = product(3, 5);
  const [expected] = expectedOf(problem, problemData(problem)) as { indices?: Uint32Array }[];
  expect(expected!.indices).toBeUndefined();
});

test("numbers repeat from call to call, and operands of pointwise steps are not negative", () => {
  const problem = product(3, 5);
  const [first, second] = [problemData(problem), problemData(problem)];
  expect(first).toEqual(second);
  for (const operand of first.operands) expect(Math.min(...operand.toNumbers())).toBeGreaterThan(0);
  expect(Math.min(...first.inputs[0]!.toNumbers())).toBeLessThan(0);
});

test("steps that read one value get the same numbers", () => {
  const b = new GraphBuilder();
  const [x, r] = [b.input("x", [2, 4]), b.input("r", [2, 4])];
  const y = b.op("MatMul", [x, b.weight([4, 4])]);
  const problem = firstOf(b.typed(b.op("Mul", [b.op("Add", [y, r]), r])));
  const { operands } = problemData(problem);
  expect(operands).toHaveLength(2);
  expect(operands[0]).toEqual(operands[1]);
});
