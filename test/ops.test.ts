import { describe, expect, test } from "vitest";
import { openGpu } from "../src/gpu/index.ts";
import { ops } from "../src/ops/index.ts";
import { sizeOf, Tensor } from "../src/tensor/index.ts";
import { expectClose, readyCase } from "./cases.ts";

describe.each([...ops.values()])("$name", (op) => {
  const worked = op.cases.filter((c) => c.expected);

  test.each(worked)("reference: $name", (opCase) => {
    const { expected } = readyCase(op, opCase);
    opCase.expected!.forEach((values, i) => {
      const t = expected[i]!;
      expectClose(t, Tensor.from(t.dtype, values, t.dims), 1e-6);
    });
  });

  if (op.kernels.length === 0) return;

  test("every kernel configuration compiles", async () => {
    const gpu = await openGpu({ nullBackend: true });
    const failures: string[] = [];
    for (const opCase of op.cases) {
      for (const dtype of ["float32", "float16"] as const) {
        const { problem, outputs } = readyCase(op, opCase, dtype);
        if (outputs.every((t) => sizeOf(t.dims) === 0)) continue;
        for (const kernel of op.kernels) {
          if (kernel.supports(problem) !== true) continue;
          const configs = kernel
            .configs(problem, gpu.traits)
            .filter((config) => kernel.fits(config, problem, gpu.traits) === true);
          for (const [i, config] of configs.entries()) {
            // The body reads the same with sizes as constants: once for each kernel is enough.
            for (const specialize of i === 0 ? [true, false] : [false]) {
              const program = kernel.build(problem, config, { specialize, tailor: specialize });
              for (const d of program.dispatches) {
                await gpu
                  .pipeline(d.wgsl, d.label)
                  .catch((e) => failures.push(`${opCase.name}: ${e}`));
              }
            }
          }
        }
      }
    }
    gpu.destroy();
    expect(failures).toEqual([]);
  });
});
