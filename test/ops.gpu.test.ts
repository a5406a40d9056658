import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Gpu, openGpu, runProgram } from "../src/gpu/index.ts";
import { ops } from "../src/ops/index.ts";
import { expectClose, readyCase } from "./cases.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.destroy());

const onGpu = [...ops.values()].filter((op) => op.kernels.length > 0);

describe.each(onGpu)("$name", (op) => {
  test.each(op.cases)("$name", async (opCase) => {
    const { problem, inputs, outputs, expected } = readyCase(op, opCase);
    let ran = 0;
    for (const kernel of op.kernels) {
      if (kernel.supports(problem) !== true) continue;
      for (const config of kernel.configs(problem, gpu.traits)) {
        if (kernel.fits(config, problem, gpu.traits) !== true) continue;
        const program = kernel.build(problem, config, { specialize: false });
        const actual = await runProgram(gpu, program, { inputs, operands: [], outputs });
        for (const [i, t] of expected.entries()) expectClose(actual[i]!, t, 1e-5);
        ran++;
      }
    }
    expect(ran).toBeGreaterThan(0);
  });
});
