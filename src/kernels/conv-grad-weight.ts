import { stepsOf } from "./epilogue.ts";
import {
  type GatheredProduct,
  gatheredConfigs,
  gatheredFits,
  gatheredProgram,
} from "./gathered-product.ts";
import { type Window, type WindowAttributes, windowOf } from "./geometry.ts";
import type { Kernel, Problem } from "./kernel.ts";
import { elementOf, needsFloats } from "./wgsl.ts";

/**
 * The gradient of a convolution for its weights as a matrix product: filters by channels and taps,
 * with sums over all output pixels, which are cut into parts because there are many. Input 0 is
 * the convolution's input, input 1 the gradient of its output, both channels first.
 */
export const convGradWeight: Kernel = {
  name: "conv-grad-weight",
  supports(problem) {
    const floats = needsFloats(problem);
    if (floats !== true) return floats;
    if (problem.inputs[0]!.dims.length > 4) return "needs one or two spatial axes";
    const { rows, cols } = sizes(problem);
    return (
      (rows >= 4 && cols >= 4) ||
      `is too small for a matrix product (${rows} filters by ${cols} channels and taps)`
    );
  },
  configs: (problem, device) => gatheredConfigs(sizes(problem), problem.outputs[0]!, device),
  fits: (config, _problem, device) => gatheredFits(config, device),
  build: (problem, config, options) =>
    gatheredProgram(problem, productOf(problem), config, options),
};

/** The window that the convolution moved over its input. */
export function gradWindow(problem: Problem): Window {
  const [x] = problem.inputs;
  const kernel = problem.attributes.kernel_shape as readonly number[];
  return windowOf(x!.dims.slice(2), kernel, problem.attributes as unknown as WindowAttributes);
}

function sizes(problem: Problem) {
  const [x, dy] = problem.inputs;
  const groups = problem.attributes.group as number;
  const taps = gradWindow(problem).kernel.reduce((p, k) => p * k, 1);
  const [N, K, ...output] = dy!.dims;
  return {
    groups,
    rows: K! / groups,
    cols: (x!.dims[1]! / groups) * taps,
    depth: output.reduce((p, s) => p * s, N!),
  };
}

function productOf(problem: Problem): GatheredProduct {
  const [x, dy] = problem.inputs;
  const window = gradWindow(problem);
  return {
    label: `conv ${window.kernel.join("x")} weight gradient`,
    ...sizes(problem),
    buffers: [
      { name: "x", element: elementOf(x!), from: { kind: "input", index: 0 } },
      { name: "dy", element: elementOf(dy!), from: { kind: "input", index: 1 } },
    ],
    params: params(problem, window),
    loadA: `fn loadA(group: u32, row: u32, k: u32) -> f32 {
  let pixels = params.P * params.Q;
  return f32(dy[(k / pixels * params.K + group * params.rows + row) * pixels + k % pixels]);
}`,
    loadB: `fn loadB(group: u32, k: u32, col: u32) -> f32 {
  let r = col / params.S % params.R;
  let s = col % params.S;
  // Above the top and left of the border wraps around to a large number.
  let h = k / params.Q % params.P * params.strideH + r * params.dilationH - params.padH;
  let w = k % params.Q * params.strideW + s * params.dilationW - params.padW;
  if (h >= params.H || w >= params.W) { return 0.0; }
  let n = k / (params.P * params.Q);
  let c = group * params.channels + col / (params.R * params.S);
  return f32(x[((n * params.C + c) * params.H + h) * params.W + w]);
}`,
    placeOf: `fn placeOf(group: u32, row: u32, col: u32) -> u32 {
  return (group * params.rows + row) * params.cols + col;
}`,
    along: { a: "depth", b: "depth" },
    steps: stepsOf(problem),
  };
}

function params(problem: Problem, window: Window): Record<string, number> {
  const [x, dy] = problem.inputs;
  const [, C, ...spatial] = x!.dims;
  // One spatial axis counts as height 1.
  const pair = (list: readonly number[], missing: number) =>
    (list.length === 2 ? list : [missing, list[0]!]) as [number, number];
  const [H, W] = pair(spatial, 1);
  const [P, Q] = pair(window.output, 1);
  const [R, S] = pair(window.kernel, 1);
  const [strideH, strideW] = pair(window.strides, 1);
  const [dilationH, dilationW] = pair(window.dilations, 1);
  const [padH, padW] = pair(window.padsBegin, 0);
  return {
    ...{ C: C!, H, W, K: dy!.dims[1]!, P, Q, R, S, strideH, strideW, dilationH, dilationW },
    ...{ padH, padW, channels: C! / (problem.attributes.group as number) },
  };
}
