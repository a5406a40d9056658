import { sizeOf } from "../tensor/index.ts";
import { convSteps } from "./conv-problem.ts";
import { epilogue } from "./epilogue.ts";
import { type Layout, pictureOf, type WindowAttributes, windowOf } from "./geometry.ts";
import type { Kernel, Problem } from "./kernel.ts";
import { splitOutput, threeAxes } from "./three-axes.ts";
import { declare, elementOf, onGpu, spread, workgroupArguments, workgroupIndex } from "./wgsl.ts";

const threads = 64;

/**
 * Convolution with one output element per thread: any layout, groups, dilation, one to three
 * spatial axes, weights known or computed. The kernel of last resort.
 */
export const convDirect: Kernel = {
  name: "conv-direct",
  supports: ({ inputs, outputs }) =>
    [...inputs, ...outputs].every(onGpu) || "computes float32 and float16 only",
  configs: () => [{}],
  fits: () => true,
  build(problem, _config, options) {
    const [x, w] = problem.inputs;
    const out = problem.outputs[0]!;
    const tail = epilogue(convSteps(problem), out, 1);
    const count = sizeOf(out.dims);
    const head = declare(
      {
        buffers: [
          { name: "x", element: elementOf(x!), from: { kind: "input", index: 0 } },
          { name: "w", element: elementOf(w!), from: { kind: "input", index: 1 } },
          ...tail.buffers,
          { name: "y", element: elementOf(out), from: { kind: "output", index: 0 }, write: true },
        ],
        params: { count, ...sizes(problem), ...tail.params },
      },
      options,
    );
    const wgsl = `${head.text}
${tail.text}
@compute @workgroup_size(${threads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let at = (${workgroupIndex}) * ${threads}u + lane;
  if (at >= params.count) { return; }
${splitOutput(problem.attributes.layout as Layout, "at")}
  let groupStart = k / params.filtersPerGroup * params.channelsPerGroup;
  var weightAt = k * params.channelsPerGroup * params.R0 * params.R1 * params.R2;
  var sum = 0.0;
  for (var c = 0u; c < params.channelsPerGroup; c++) {
    let base = n * params.xN + (groupStart + c) * params.xC;
    for (var r0 = 0u; r0 < params.R0; r0++) {
      // Below zero wraps around to a large number, so that one comparison finds both borders.
      let h0 = p0 * params.stride0 + r0 * params.dilation0 - params.pad0;
      for (var r1 = 0u; r1 < params.R1; r1++) {
        let h1 = p1 * params.stride1 + r1 * params.dilation1 - params.pad1;
        for (var r2 = 0u; r2 < params.R2; r2++) {
          let h2 = p2 * params.stride2 + r2 * params.dilation2 - params.pad2;
          if (h0 < params.H0 && h1 < params.H1 && h2 < params.H2) {
            let from_x = base + h0 * params.x0 + h1 * params.x1 + h2 * params.x2;
            sum += f32(x[from_x]) * f32(w[weightAt]);
          }
          weightAt++;
        }
      }
    }
  }
  y[at] = ${elementOf(out)}(epilogue(sum, at));
}
`;
    const workgroups = spread(Math.ceil(count / threads));
    return { dispatches: [{ label: "conv direct", wgsl, bindings: head.bindings, workgroups }] };
  },
};

function sizes(problem: Problem): Record<string, number> {
  const layout = problem.attributes.layout as Layout;
  const [x, w] = problem.inputs;
  const { spatial } = pictureOf(x!.dims, layout);
  const attributes = problem.attributes as unknown as WindowAttributes;
  const window = windowOf(spatial, w!.dims.slice(2), attributes);
  const K = w!.dims[0]!;
  return {
    K,
    filtersPerGroup: K / (problem.attributes.group as number),
    channelsPerGroup: w!.dims[1]!,
    ...threeAxes(x!.dims, layout, window),
  };
}
