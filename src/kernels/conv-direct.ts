import { sizeOf } from "../tensor/index.ts";
import { convSteps } from "./conv-problem.ts";
import { type Layout, pictureOf, type WindowAttributes, windowOf } from "./geometry.ts";
import type { Kernel, Problem } from "./kernel.ts";
import { perOutput } from "./per-output.ts";
import { splitOutput, threeAxes } from "./three-axes.ts";
import { elementOf, needsFloats } from "./wgsl.ts";

/**
 * Convolution with one output element per thread: any layout, groups, dilation, one to three
 * spatial axes, weights known or computed. The kernel of last resort.
 */
export const convDirect: Kernel = {
  name: "conv-direct",
  placed: { output: true },
  supports: needsFloats,
  configs: () => [{}],
  fits: () => true,
  build(problem, _config, options) {
    const [x, w] = problem.inputs;
    return perOutput(
      problem,
      {
        label: "conv direct",
        buffers: [
          { name: "x", element: elementOf(x!), from: { kind: "input", index: 0 } },
          { name: "w", element: elementOf(w!), from: { kind: "input", index: 1 } },
        ],
        params: sizes(problem),
        steps: convSteps(problem),
        operations: 2 * sizeOf(w!.dims.slice(1)),
        code: `${splitOutput(problem.attributes.layout as Layout, "at")}
  let groupStart = k / params.filtersPerGroup * params.channelsPerGroup;
  var weightAt = k * params.channelsPerGroup * params.R0 * params.R1 * params.R2;
  var value = 0.0;
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
            let fromX = base + h0 * params.x0 + h1 * params.x1 + h2 * params.x2;
            value += f32(x[fromX]) * f32(w[weightAt]);
          }
          weightAt++;
        }
      }
    }
  }`,
      },
      options,
    );
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
