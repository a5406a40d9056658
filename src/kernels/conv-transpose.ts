import { sizeOf } from "../tensor/index.ts";
import { convSteps } from "./conv-problem.ts";
import { type Layout, pictureOf } from "./geometry.ts";
import type { Kernel, Problem } from "./kernel.ts";
import { perOutput } from "./per-output.ts";
import { splitOutput, threeAxes } from "./three-axes.ts";
import { type TransposedAttributes, transposedWindowOf } from "./transposed-window.ts";
import { elementOf, needsFloats } from "./wgsl.ts";

/**
 * Transposed convolution without scattering: every output element gathers the input pixels that
 * reach it. One thread per output element; any layout, groups, one to three spatial axes.
 */
export const convTransposeGather: Kernel = {
  name: "conv-transpose-gather",
  placed: { output: true },
  supports: needsFloats,
  configs: () => [{}],
  fits: () => true,
  build(problem, _config, options) {
    const [x, w] = problem.inputs;
    return perOutput(
      problem,
      {
        label: "conv transpose",
        buffers: [
          { name: "x", element: elementOf(x!), from: { kind: "input", index: 0 } },
          { name: "w", element: elementOf(w!), from: { kind: "input", index: 1 } },
        ],
        params: sizes(problem),
        steps: convSteps(problem),
        operations:
          (2 * sizeOf(x!.dims) * sizeOf(w!.dims.slice(1))) / sizeOf(problem.outputs[0]!.dims),
        code: `${splitOutput(problem.attributes.layout as Layout, "at")}
  let firstChannel = k / params.filters * params.channels;
  let weightBase = (firstChannel * params.filters + k % params.filters) * params.taps;
  var value = 0.0;
  for (var r0 = 0u; r0 < params.R0; r0++) {
    // The input row that tap r0 takes to this output row, if it is a whole number inside.
    let t0 = p0 + params.pad0 - r0 * params.dilation0;
    if (t0 % params.stride0 != 0u || t0 / params.stride0 >= params.H0) { continue; }
    for (var r1 = 0u; r1 < params.R1; r1++) {
      let t1 = p1 + params.pad1 - r1 * params.dilation1;
      if (t1 % params.stride1 != 0u || t1 / params.stride1 >= params.H1) { continue; }
      for (var r2 = 0u; r2 < params.R2; r2++) {
        let t2 = p2 + params.pad2 - r2 * params.dilation2;
        if (t2 % params.stride2 != 0u || t2 / params.stride2 >= params.H2) { continue; }
        var fromX = n * params.xN + firstChannel * params.xC + t0 / params.stride0 * params.x0
          + t1 / params.stride1 * params.x1 + t2 / params.stride2 * params.x2;
        var fromW = weightBase + (r0 * params.R1 + r1) * params.R2 + r2;
        for (var c = 0u; c < params.channels; c++) {
          value = fma(f32(x[fromX]), f32(w[fromW]), value);
          fromX += params.xC;
          fromW += params.filters * params.taps;
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
  const { channels, spatial } = pictureOf(x!.dims, layout);
  const group = problem.attributes.group as number;
  const kernel = w!.dims.slice(2);
  const attributes = problem.attributes as unknown as TransposedAttributes;
  return {
    K: w!.dims[1]! * group,
    /** Output and input channels of a group. */
    filters: w!.dims[1]!,
    channels: channels / group,
    taps: sizeOf(kernel),
    ...threeAxes(x!.dims, layout, transposedWindowOf(spatial, kernel, attributes)),
  };
}
