import { type Conv2d, conv2dOf, convSteps } from "./conv-problem.ts";
import {
  type GatheredProduct,
  gatheredConfigs,
  gatheredFits,
  gatheredProgram,
} from "./gathered-product.ts";
import type { Kernel, Problem } from "./kernel.ts";
import { pictureStrides } from "./picture-strides.ts";
import { elementOf, needsFloats } from "./wgsl.ts";

/**
 * Convolution whose weights are computed or handed in at run time, as they are in training: a
 * matrix product of pixels (N P Q) by filters, both gathered, with sums over C, R and S.
 */
export const convComputed: Kernel = {
  name: "conv-computed",
  placed: { output: true },
  supports(problem) {
    const floats = needsFloats(problem);
    if (floats !== true) return floats;
    const c = conv2dOf(problem);
    if (!c) return "needs one or two spatial axes";
    if (problem.constants[1]) return "has weights that are known: other kernels arrange them once";
    return c.K / c.G >= 4 || `has too few filters per group for a matrix product (${c.K / c.G})`;
  },
  configs: (problem, device) => gatheredConfigs(sizes(problem), problem.outputs[0]!, device),
  fits: (config, _problem, device) => gatheredFits(config, device),
  build: (problem, config, options) =>
    gatheredProgram(problem, productOf(problem), config, options),
};

function sizes(problem: Problem) {
  const c = conv2dOf(problem)!;
  return { groups: c.G, rows: c.N * c.P * c.Q, cols: c.K / c.G, depth: (c.C / c.G) * c.R * c.S };
}

function productOf(problem: Problem): GatheredProduct {
  const c = conv2dOf(problem)!;
  const [x, w] = problem.inputs;
  const isLast = c.layout === "NHWC";
  return {
    label: `conv ${c.R}x${c.S} computed`,
    ...sizes(problem),
    buffers: [
      { name: "x", element: elementOf(x!), from: { kind: "input", index: 0 } },
      { name: "w", element: elementOf(w!), from: { kind: "input", index: 1 } },
    ],
    params: params(c),
    declarations: tapFunction(isLast),
    loadA: `fn loadA(group: u32, row: u32, k: u32) -> f32 {
  let tap = tapOf(k);
  // Above the top and left of the border wraps around to a large number.
  let h = row / params.Q % params.P * params.strideH + tap.y * params.dilationH - params.padH;
  let w = row % params.Q * params.strideW + tap.z * params.dilationW - params.padW;
  if (h >= params.H || w >= params.W) { return 0.0; }
  let n = row / (params.P * params.Q);
  let c = group * params.channels + tap.x;
  return f32(x[n * params.xn + c * params.xc + h * params.xh + w * params.xw]);
}`,
    loadB: `fn loadB(group: u32, k: u32, col: u32) -> f32 {
  let tap = tapOf(k);
  let row = group * params.cols + col;
  return f32(w[((row * params.channels + tap.x) * params.R + tap.y) * params.S + tap.z]);
}`,
    placeOf: `fn placeOf(group: u32, row: u32, col: u32) -> u32 {
  let n = row / (params.P * params.Q);
  let p = row / params.Q % params.P;
  let q = row % params.Q;
  let k = group * params.cols + col;
  return n * params.yn + k * params.yc + p * params.yh + q * params.yw;
}`,
    along: { a: isLast ? "depth" : "row", b: "depth" },
    steps: convSteps(problem),
  };
}

function params(c: Conv2d): Record<string, number> {
  return {
    ...{ H: c.H, W: c.W, P: c.P, Q: c.Q, R: c.R, S: c.S, channels: c.C / c.G },
    ...{ strideH: c.stride.h, strideW: c.stride.w, padH: c.pad.h, padW: c.pad.w },
    ...{ dilationH: c.dilation.h, dilationW: c.dilation.w },
    ...pictureStrides("x", c.layout, c.C, c.H, c.W),
    ...pictureStrides("y", c.layout, c.K, c.P, c.Q),
  };
}

/** Channel and tap of a position in the sum; the order in which the picture lies in memory. */
function tapFunction(isLast: boolean): string {
  return isLast
    ? `fn tapOf(k: u32) -> vec3<u32> {
  let tap = k / params.channels;
  return vec3<u32>(k % params.channels, tap / params.S, tap % params.S);
}`
    : `fn tapOf(k: u32) -> vec3<u32> {
  return vec3<u32>(k / (params.R * params.S), k / params.S % params.R, k % params.S);
}`;
}
