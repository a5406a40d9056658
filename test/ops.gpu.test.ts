import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Gpu, openGpu, runProgram } from "../src/gpu/index.ts";
import { onGpu } from "../src/kernels/wgsl.ts";
import type { OpCase } from "../src/ops/case.ts";
import type { Op } from "../src/ops/define.ts";
import { ops } from "../src/ops/index.ts";
import { sizeOf } from "../src/tensor/index.ts";
import { expectClose, type ReadyCase, readyCase } from "./cases.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.destroy());

interface Pass {
  /** The largest relative error. */
  readonly tolerance: number;
  /** How many configurations of each kernel are run, best guess first: compiling is slow. */
  readonly configsMax: number;
}

/** float16 differs from float32 in loads and stores alone, so one configuration shows it. */
const passes = {
  float32: { tolerance: 1e-5, configsMax: Number.POSITIVE_INFINITY },
  float16: { tolerance: 2e-3, configsMax: 1 },
} as const satisfies Record<string, Pass>;

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

/** Runs a case with every kernel that supports it; gives how many programs ran. */
async function runAll(op: Op, ready: ReadyCase, { tolerance, configsMax }: Pass): Promise<number> {
  const { problem, inputs, outputs, expected } = ready;
  let ran = 0;
  for (const kernel of op.kernels) {
    if (kernel.supports(problem) !== true) continue;
    const configs = kernel
      .configs(problem, gpu.traits)
      .filter((config) => kernel.fits(config, problem, gpu.traits) === true);
    for (const config of configs.slice(0, configsMax)) {
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

  test.each(cases)("float32 $name", async (opCase) => {
    const ran = await runAll(op, readyCase(op, opCase), passes.float32);
    expect(ran).toBeGreaterThan(0);
  });

  test.for(cases)("float16 $name", async (opCase, { skip }) => {
    skip(!gpu.traits.hasF16, "the device has no shader-f16");
    const ran = await runAll(op, readyCase(op, opCase, "float16"), passes.float16);
    expect(ran).toBeGreaterThan(0);
  });
});
