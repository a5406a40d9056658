import { sizeOf } from "../tensor/index.ts";
import { epilogue } from "./epilogue.ts";
import type { Kernel } from "./kernel.ts";
import { productOfProblem, productSteps } from "./product.ts";
import { broadcastWalk, offsetCode } from "./strided.ts";
import { declare, elementOf, onGpu, spread, workgroupArguments, workgroupIndex } from "./wgsl.ts";

const threads = 64;

/** Matrix product with one element per thread: any sizes, batches, transposed operands. */
export const matmulDirect: Kernel = {
  name: "matmul-direct",
  supports: ({ inputs, outputs }) =>
    [...inputs, ...outputs].every(onGpu) || "computes float32 and float16 only",
  configs: () => [{}],
  fits: () => true,
  build(problem, _config, options) {
    const p = productOfProblem(problem);
    const [a, b] = problem.inputs;
    const out = problem.outputs[0]!;
    const tail = epilogue(productSteps(problem), out, 1);
    const count = sizeOf(out.dims);
    const batchA = offsetCode(broadcastWalk(p.batchA, p.batch), "batchA", "entryA", "entry");
    const batchB = offsetCode(broadcastWalk(p.batchB, p.batch), "batchB", "entryB", "entry");
    const head = declare(
      {
        buffers: [
          { name: "a", element: elementOf(a!), from: { kind: "input", index: 0 } },
          { name: "b", element: elementOf(b!), from: { kind: "input", index: 1 } },
          ...tail.buffers,
          { name: "y", element: elementOf(out), from: { kind: "output", index: 0 }, write: true },
        ],
        params: {
          count,
          M: p.M,
          N: p.N,
          depth: p.depth,
          rowA: p.transA ? 1 : p.depth,
          stepA: p.transA ? p.M : 1,
          colB: p.transB ? p.depth : 1,
          stepB: p.transB ? 1 : p.N,
          ...batchA.params,
          ...batchB.params,
          ...tail.params,
        },
      },
      options,
    );
    const wgsl = `${head.text}
${tail.text}
@compute @workgroup_size(${threads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let at = (${workgroupIndex}) * ${threads}u + lane;
  if (at >= params.count) { return; }
  let entry = at / (params.M * params.N);
${batchA.code}
${batchB.code}
  var fromA = entryA * params.M * params.depth + at / params.N % params.M * params.rowA;
  var fromB = entryB * params.N * params.depth + at % params.N * params.colB;
  var sum = 0.0;
  for (var k = 0u; k < params.depth; k++) {
    sum = fma(f32(a[fromA]), f32(b[fromB]), sum);
    fromA += params.stepA;
    fromB += params.stepB;
  }
  y[at] = ${elementOf(out)}(epilogue(sum, at));
}
`;
    const workgroups = spread(Math.ceil(count / threads));
    return { dispatches: [{ label: "matmul direct", wgsl, bindings: head.bindings, workgroups }] };
  },
};
