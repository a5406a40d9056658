import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Gpu, openGpu, runProgram } from "../src/gpu/index.ts";
import { convWinograd } from "../src/kernels/conv-winograd.ts";
import type { Kernel } from "../src/kernels/kernel.ts";
import { onGpu } from "../src/kernels/wgsl.ts";
import type { Op } from "../src/ops/define.ts";
import { ops } from "../src/ops/index.ts";
import { type DType, sizeOf } from "../src/tensor/index.ts";
import { expectClose, type ReadyCase, readyCase } from "./cases.ts";
import { fused } from "./fused.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.destroy());

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

/**
 * Every kernel that applies fused steps, each for one of the operators that list it. Winograd takes
 * pictures too large for a case; tiles.gpu.test.ts fuses steps to it.
 */
const kernels = new Map(
  [...ops.values()]
    .filter((op) => op.traits.acceptsEpilogue)
    .flatMap((op) => op.kernels.map((kernel) => [kernel.name, { op, kernel }] as const))
    .filter(([, { kernel }]) => kernel !== convWinograd),
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
