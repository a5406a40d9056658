import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Gpu, openGpu, runProgram } from "../src/gpu/index.ts";
import type { EpilogueStep } from "../src/graph/index.ts";
import type { Kernel } from "../src/kernels/kernel.ts";
import { onGpu } from "../src/kernels/wgsl.ts";
import type { Op } from "../src/ops/define.ts";
import { evaluateNode, problemOf } from "../src/ops/evaluate.ts";
import { ops } from "../src/ops/index.ts";
import { type DType, sizeOf, Tensor } from "../src/tensor/index.ts";
import { expectClose, type ReadyCase, readyCase, seeded } from "./cases.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.destroy());

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
function fused({ node, inputs, outputs, problem }: ReadyCase) {
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

/** The last case that the kernel takes: later ones are the less simple. */
function caseFor(op: Op, kernel: Kernel, dtype: DType): ReadyCase | undefined {
  const isForKernels = ({ problem, outputs }: ReadyCase) => {
    const flowing = problem.inputs.filter((_, i) => problem.constants[i] === undefined);
    return [...flowing, ...outputs].every((t) => onGpu(t) && sizeOf(t?.dims ?? []) > 0);
  };
  return op.cases
    .map((opCase) => readyCase(op, opCase, dtype))
    .findLast((ready) => isForKernels(ready) && kernel.supports(ready.problem) === true);
}

/** Every kernel that applies fused steps, each for one of the operators that list it. */
const kernels = new Map(
  [...ops.values()]
    .filter((op) => op.traits.acceptsEpilogue)
    .flatMap((op) => op.kernels.map((kernel) => [kernel.name, { op, kernel }] as const)),
);

describe.each([...kernels])("%s applies fused steps", (_name, { op, kernel }) => {
  test.each<[DType, number]>([
    ["float32", 1e-5],
    ["float16", 3e-3],
  ])("%s", async (dtype, tolerance) => {
    const taken = caseFor(op, kernel, dtype)!;
    const { problem, operands, expected } = fused(taken);
    expect(kernel.supports(problem)).toBe(true);
    for (const config of kernel.configs(problem, gpu.traits).slice(0, 2)) {
      if (kernel.fits(config, problem, gpu.traits) !== true) continue;
      const program = kernel.build(problem, config, { specialize: false });
      const { inputs, outputs } = taken;
      const actual = await runProgram(gpu, program, { inputs, operands, outputs });
      const where = `${kernel.name} ${JSON.stringify(config)}`;
      for (const [i, t] of expected.entries()) expectClose(actual[i]!, t, tolerance, where);
    }
  });
});
