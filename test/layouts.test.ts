import { describe, expect, test } from "vitest";
import type { OpCase } from "../src/ops/case.ts";
import type { Op } from "../src/ops/define.ts";
import { evaluateNode, inferNode, parseAttributes } from "../src/ops/evaluate.ts";
import { ops } from "../src/ops/index.ts";
import { sizeOf, stridesOf, Tensor } from "../src/tensor/index.ts";
import { expectClose, type ReadyCase, readyCase } from "./cases.ts";

/** Another order of `rank` axes: channels last, and one that moves the batch too. */
const orders = (rank: number): number[][] => [
  [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1],
  Array.from({ length: rank }, (_, i) => (i + rank - 1) % rank),
];

/** Axis i of the result is axis `order[i]` of the tensor. */
function permuted(tensor: Tensor, order: readonly number[]): Tensor {
  const dims = order.map((axis) => tensor.dims[axis]!);
  const strides = order.map((axis) => stridesOf(tensor.dims)[axis]!);
  const numbers = tensor.toNumbers();
  const values = new Float64Array(sizeOf(dims)).map((_, i) => {
    const at = stridesOf(dims).map((s, axis) => Math.floor(i / s) % dims[axis]!);
    return numbers[at.reduce((sum, a, axis) => sum + a * strides[axis]!, 0)]!;
  });
  return Tensor.from(tensor.dtype, values, dims);
}

/** Inputs that are permuted with the first: those of its rank that are not parameters. */
function isPicture(opCase: OpCase, ready: ReadyCase, index: number): boolean {
  const rank = ready.inputs[0]!.dims.length;
  return ready.inputs[index]?.dims.length === rank && !opCase.inputs[index]!.constant;
}

/** Runs the case in another order of axes and compares; false where the operator declines. */
function agrees(op: Op, opCase: OpCase, order: readonly number[]): boolean {
  const ready = readyCase(op, opCase);
  const constants = ready.inputs.map((t, i) => (opCase.inputs[i]?.constant ? t : undefined));
  const attributes = parseAttributes(op, ready.node.attributes, opCase.name);
  const changed = op.permuteAxes!({ permutation: order, attributes, constants });
  if (!changed) return false;
  const inputs = ready.inputs.map((t, i) => {
    if (t && isPicture(opCase, ready, i)) return permuted(t, order);
    return changed.constants?.get(i) ?? t;
  });
  const node = { ...ready.node, attributes: { ...ready.node.attributes, ...changed.attributes } };
  const known = inputs.map((t, i) => (opCase.inputs[i]?.constant ? t : undefined));
  const outputs = inferNode(node, inputs, known);
  const actual = evaluateNode(node, inputs, outputs, () => inputs[0]!);
  ready.expected.forEach((tensor, i) => {
    expectClose(actual[i]!, permuted(tensor, order), 1e-6);
  });
  return true;
}

const movable = [...ops.values()].filter((op) => op.traits.layout === "axes");

/** Cases whose outputs have as many axes as their first input. */
const casesOf = (op: Op) =>
  op.cases.filter((opCase) => {
    const { inputs, outputs } = readyCase(op, opCase);
    const rank = inputs[0]!.dims.length;
    return rank >= 2 && outputs.every(({ dims }) => dims.length === rank);
  });

describe.each(movable)("$name in another order of axes", (op) => {
  test.each(casesOf(op))("$name", (opCase) => {
    for (const order of orders(opCase.inputs[0]!.dims.length)) agrees(op, opCase, order);
  });

  test("is carried over in some case", () => {
    const first = (opCase: OpCase) => orders(opCase.inputs[0]!.dims.length)[0]!;
    expect(casesOf(op).some((opCase) => agrees(op, opCase, first(opCase)))).toBe(true);
  });
});
