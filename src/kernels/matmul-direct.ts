import type { Kernel } from "./kernel.ts";
import { perOutput } from "./per-output.ts";
import { productOfProblem, productSteps } from "./product.ts";
import { broadcastWalk, offsetCode } from "./strided.ts";
import { elementOf, needsFloats } from "./wgsl.ts";

/** Matrix product with one element per thread: any sizes, batches, transposed operands. */
export const matmulDirect: Kernel = {
  name: "matmul-direct",
  supports: needsFloats,
  configs: () => [{}],
  fits: () => true,
  build(problem, _config, options) {
    const p = productOfProblem(problem);
    const [a, b] = problem.inputs;
    const batchA = offsetCode(broadcastWalk(p.batchA, p.batch), "batchA", "entryA", "entry");
    const batchB = offsetCode(broadcastWalk(p.batchB, p.batch), "batchB", "entryB", "entry");
    return perOutput(
      problem,
      {
        label: "matmul direct",
        buffers: [
          { name: "a", element: elementOf(a!), from: { kind: "input", index: 0 } },
          { name: "b", element: elementOf(b!), from: { kind: "input", index: 1 } },
        ],
        operations: 2 * p.depth,
        params: {
          M: p.M,
          N: p.N,
          depth: p.depth,
          rowA: p.transA ? 1 : p.depth,
          stepA: p.transA ? p.M : 1,
          colB: p.transB ? p.depth : 1,
          stepB: p.transB ? 1 : p.N,
          ...batchA.params,
          ...batchB.params,
        },
        steps: productSteps(problem),
        code: `  let entry = at / (params.M * params.N);
${batchA.code}
${batchB.code}
  var fromA = entryA * params.M * params.depth + at / params.N % params.M * params.rowA;
  var fromB = entryB * params.N * params.depth + at % params.N * params.colB;
  var value = 0.0;
  for (var k = 0u; k < params.depth; k++) {
    value = fma(f32(a[fromA]), f32(b[fromB]), value);
    fromA += params.stepA;
    fromB += params.stepB;
  }`,
      },
      options,
    );
  },
};
