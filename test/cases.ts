import { expect } from "vitest";
import type { Node, TensorType } from "../src/graph/index.ts";
import type { Problem } from "../src/kernels/kernel.ts";
import type { CaseInput, OpCase } from "../src/ops/case.ts";
import type { Op } from "../src/ops/define.ts";
import { evaluateNode, inferNode, problemOf } from "../src/ops/evaluate.ts";
import { type DType, isFloat, sizeOf, Tensor } from "../src/tensor/index.ts";

/** Numbers in [0, 1) that repeat for equal seeds (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An operator's case made concrete: a node, its inputs, and the expected outputs. */
export interface ReadyCase {
  readonly node: Node;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly outputs: readonly TensorType[];
  readonly expected: readonly Tensor[];
  readonly problem: Problem;
}

/** Fills a case with seeded data and computes what is expected with the reference. */
export function readyCase(op: Op, opCase: OpCase, dtype: DType = "float32"): ReadyCase {
  const next = seeded(1);
  const inputs = opCase.inputs.map((input) => input && tensorOf(input, next, dtype));
  const count = opCase.outputCount ?? 1;
  const node: Node = {
    name: opCase.name,
    op: op.name,
    inputs: inputs.map((t, i) => (t ? `in${i}` : "")),
    outputs: Array.from({ length: count }, (_, i) => `out${i}`),
    attributes: opCase.attributes ?? {},
  };
  const constants = inputs.map((t, i) => (opCase.inputs[i]?.constant ? t : undefined));
  const outputs = inferNode(node, inputs, constants);
  const expected = evaluateNode(node, inputs, outputs, () => {
    throw new Error("a case has no epilogue");
  });
  const types = new Map<string, TensorType>();
  inputs.forEach((t, i) => void (t && types.set(`in${i}`, t)));
  outputs.forEach((t, i) => void types.set(`out${i}`, t));
  const constant = (name: string) => constants[Number(name.slice(2))];
  const problem = problemOf(node, (name) => types.get(name)!, constant);
  return { node, inputs, outputs, expected, problem };
}

function tensorOf(input: CaseInput, next: () => number, floatType: DType): Tensor {
  const dtype = input.dtype && !(input.dtype === "float32") ? input.dtype : floatType;
  if (input.values) return Tensor.from(dtype, input.values, input.dims);
  const [low, high] = input.range ?? [-1, 1];
  const values = Float64Array.from(
    { length: sizeOf(input.dims) },
    () => low + (high - low) * next(),
  );
  return Tensor.from(dtype, values, input.dims);
}

/** ||a - b|| / ||b||, or NaN where `a` holds one that `b` does not. */
export function relativeError(actual: Tensor, expected: Tensor): number {
  const a = actual.toNumbers();
  const b = expected.toNumbers();
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    if (Object.is(a[i], b[i])) continue;
    difference += (a[i]! - b[i]!) ** 2;
  }
  for (const v of b) norm += Number.isFinite(v) ? v * v : 0;
  return norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
}

/** Fails unless shapes and types agree and floats are close (integers and bool: equal). */
export function expectClose(
  actual: Tensor,
  expected: Tensor,
  tolerance: number,
  what = "relative error",
): void {
  expect(actual.dims).toEqual(expected.dims);
  expect(actual.dtype).toBe(expected.dtype);
  const limit = isFloat(expected.dtype) ? tolerance : 0;
  expect(relativeError(actual, expected), what).toBeLessThanOrEqual(limit);
}
