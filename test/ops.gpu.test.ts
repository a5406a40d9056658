import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Gpu, openGpu, runProgram } from "../src/gpu/index.ts";
import { onGpu } from "../src/kernels/wgsl.ts";
import type { OpCase } from "../src/ops/case.ts";
import type { Op } from "../src/ops/define.ts";
import { ops } from "../src/ops/index.ts";
import { type DType, sizeOf } from "../src/tensor/index.ts";
import { expectClose, type ReadyCase, readyCase } from "./cases.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.destroy());

/**
 * Cases that the planner would leave to the references: those of integers (constants such as axes
 * aside), and those that compute nothing.
 */
function isForKernels(op: Op, opCase: OpCase): boolean {
  const { problem } = readyCase(op, opCase);
  const flowing = problem.inputs.filter((_, i) => problem.constants[i] === undefined);
  const types = [...flowing, ...problem.outputs];
  return types.every((type) => onGpu(type) && sizeOf(type?.dims ?? []) > 0);
}

/** Runs every configuration of every kernel that supports the case; gives how many there were. */
async function runAll(op: Op, ready: ReadyCase, tolerance: number): Promise<number> {
  const { problem, inputs, outputs, expected } = ready;
  let ran = 0;
  for (const kernel of op.kernels) {
    if (kernel.supports(problem) !== true) continue;
    for (const config of kernel.configs(problem, gpu.traits)) {
      if (kernel.fits(config, problem, gpu.traits) !== true) continue;
      const program = kernel.build(problem, config, { specialize: false });
      const actual = await runProgram(gpu, program, { inputs, operands: [], outputs });
      const where = `${kernel.name} ${JSON.stringify(config)}`;
      for (const [i, t] of expected.entries()) expectClose(actual[i]!, t, tolerance, where);
      ran++;
    }
  }
  return ran;
}

const withKernels = [...ops.values()].filter((op) => op.kernels.length > 0);

describe.each(withKernels)("$name", (op) => {
  const cases = op.cases.filter((c) => isForKernels(op, c));
  const dtypes: readonly [DType, number][] = [
    ["float32", 1e-5],
    ["float16", 2e-3],
  ];
  describe.each(dtypes)("%s", (dtype, tolerance) => {
    test.for(cases)("$name", async (opCase, { skip }) => {
      skip(dtype === "float16" && !gpu.traits.hasF16, "the device has no shader-f16");
      const ran = await runAll(op, readyCase(op, opCase, dtype), tolerance);
      expect(ran).toBeGreaterThan(0);
    });
  });
});
