import type { EpilogueStep } from "../src/graph/index.ts";
import { evaluateNode, problemOf } from "../src/ops/evaluate.ts";
import { type DType, sizeOf, Tensor } from "../src/tensor/index.ts";
import { type ReadyCase, seeded } from "./cases.ts";

/** One of each kind: of the output's shape, along its last axis, a scalar that comes first. */
const steps: readonly EpilogueStep[] = [
  { op: "Add", attributes: {}, operand: "full" },
  { op: "Mul", attributes: {}, operand: "row" },
  { op: "Sub", attributes: {}, operand: "scalar", operandFirst: true },
  { op: "LeakyRelu", attributes: { alpha: 0.5 } },
];

function operandsOf(dims: readonly number[], dtype: DType): Map<string, Tensor> {
  const next = seeded(2);
  const random = (shape: readonly number[]) =>
    Tensor.from(dtype, Float64Array.from({ length: sizeOf(shape) }, next), shape);
  return new Map([
    ["full", random(dims)],
    ["row", random(dims.slice(-1))],
    ["scalar", random([])],
  ]);
}

/** A case with the steps above fused to it, and what the references make of it. */
export function fused({ node, inputs, outputs, problem }: ReadyCase) {
  const { dtype, dims } = outputs[0]!;
  const operands = operandsOf(dims, dtype);
  const fusedNode = { ...node, epilogue: steps };
  const expected = evaluateNode(fusedNode, inputs, outputs, (name) => operands.get(name)!);
  const types = new Map<string, Tensor | ReadyCase["outputs"][number]>(operands);
  inputs.forEach((t, i) => void (t && types.set(`in${i}`, t)));
  outputs.forEach((t, i) => void types.set(`out${i}`, t));
  const constantOf = (name: string) => problem.constants[Number(name.slice(2))];
  const fusedProblem = problemOf(fusedNode, (name) => types.get(name)!, constantOf);
  return { problem: fusedProblem, operands: [...operands.values()], expected };
}
