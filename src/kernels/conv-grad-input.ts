import { convSteps } from "./conv-problem.ts";
import {
  type GatheredProduct,
  gatheredConfigs,
  gatheredFits,
  gatheredProgram,
  nowhere,
} from "./gathered-product.ts";
import { type Layout, pictureOf } from "./geometry.ts";
import type { Kernel, Problem } from "./kernel.ts";
import { pictureStrides } from "./picture-strides.ts";
import { type TransposedAttributes, transposedWindowOf } from "./transposed-window.ts";
import { elementOf, needsFloats } from "./wgsl.ts";

/**
 * Transposed convolution, which is the gradient of a convolution for its input, as matrix products:
 * output pixels by output channels, with sums over input channels and those taps that reach them.
 * Which taps do depends on the pixel's remainder by the stride (its phase), so that each phase is a
 * product of its own, and no tap is multiplied in vain.
 */
export const convGradInput: Kernel = {
  name: "conv-grad-input",
  placed: { output: true },
  supports(problem) {
    const floats = needsFloats(problem);
    if (floats !== true) return floats;
    if (problem.inputs[0]!.dims.length > 4) return "needs one or two spatial axes";
    const { outputs, inputs } = perGroup(problem);
    return (
      (outputs >= 4 && inputs >= 4) ||
      `has too few channels per group for a matrix product (${inputs} in, ${outputs} out)`
    );
  },
  configs: (problem, device) => gatheredConfigs(sizes(problem), problem.outputs[0]!, device),
  fits: (config, _problem, device) => gatheredFits(config, device),
  build: (problem, config, options) =>
    gatheredProgram(problem, productOf(problem), config, options),
};

/** Channels of a group, of the input and of the output. */
function perGroup(problem: Problem) {
  const [w] = problem.inputs.slice(1);
  const group = problem.attributes.group as number;
  return { inputs: w!.dims[0]! / group, outputs: w!.dims[1]! };
}

/** One axis: sizes of input, output and kernel, and how taps reach the output by phase. */
interface Axis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly pad: number;
  /** What `firstTap` needs: phases that no tap reaches, and where the others begin. */
  readonly divisor: number;
  readonly inverse: number;
  /** From one tap that reaches a phase to the next, and the largest number of them. */
  readonly tapStep: number;
  readonly taps: number;
}

function axisOf(
  input: number,
  output: number,
  kernel: number,
  stride: number,
  dilation: number,
  pad: number,
): Axis {
  const divisor = greatestDivisor(stride, dilation);
  const tapStep = stride / divisor;
  const taps = Math.ceil(kernel / tapStep);
  let inverse = 0;
  while ((inverse * (dilation / divisor)) % tapStep !== 1 % tapStep) inverse++;
  return { input, output, kernel, stride, dilation, pad, divisor, inverse, tapStep, taps };
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/** The two axes; one spatial axis counts as height 1. */
function axesOf(problem: Problem): readonly [Axis, Axis] {
  const [x, w] = problem.inputs;
  const { spatial } = pictureOf(x!.dims, problem.attributes.layout as Layout);
  const attributes = problem.attributes as unknown as TransposedAttributes;
  const window = transposedWindowOf(spatial, w!.dims.slice(2), attributes);
  const axes = spatial.map((size, i) =>
    axisOf(
      size,
      window.output[i]!,
      window.kernel[i]!,
      window.strides[i]!,
      window.dilations[i]!,
      window.padsBegin[i]!,
    ),
  );
  const last = axes[axes.length - 1]!;
  return [axes.length === 2 ? axes[0]! : axisOf(1, 1, 1, 1, 1, 0), last];
}

function sizes(problem: Problem) {
  const [h, w] = axesOf(problem);
  const { inputs, outputs } = perGroup(problem);
  const pixels = Math.ceil(h.output / h.stride) * Math.ceil(w.output / w.stride);
  return {
    groups: (problem.attributes.group as number) * h.stride * w.stride,
    rows: problem.inputs[0]!.dims[0]! * pixels,
    cols: outputs,
    depth: inputs * h.taps * w.taps,
  };
}

function productOf(problem: Problem): GatheredProduct {
  const [x, w] = problem.inputs;
  const [high, wide] = axesOf(problem);
  const isLast = problem.attributes.layout === "NHWC";
  return {
    label: `conv transposed ${high.kernel}x${wide.kernel}`,
    ...sizes(problem),
    buffers: [
      { name: "x", element: elementOf(x!), from: { kind: "input", index: 0 } },
      { name: "w", element: elementOf(w!), from: { kind: "input", index: 1 } },
    ],
    params: params(problem),
    declarations: declarations(isLast),
    loadA: `fn loadA(group: u32, row: u32, k: u32) -> f32 {
  let tap = tapOf(group, k);
  let at = pixelOf(group, row);
  // The input pixel that the tap takes there: a whole number, by the choice of taps.
  let h = (at.y + params.padH - tap.y * params.dilationH) / params.strideH;
  let w = (at.z + params.padW - tap.z * params.dilationW) / params.strideW;
  if (tap.y >= params.R || tap.z >= params.S || h >= params.H || w >= params.W) { return 0.0; }
  let c = group / params.phases * params.channels + tap.x;
  return f32(x[at.x * params.xn + c * params.xc + h * params.xh + w * params.xw]);
}`,
    loadB: `fn loadB(group: u32, k: u32, col: u32) -> f32 {
  let tap = tapOf(group, k);
  if (tap.y >= params.R || tap.z >= params.S) { return 0.0; }
  let c = group / params.phases * params.channels + tap.x;
  return f32(w[((c * params.cols + col) * params.R + tap.y) * params.S + tap.z]);
}`,
    placeOf: `fn placeOf(group: u32, row: u32, col: u32) -> u32 {
  let at = pixelOf(group, row);
  if (at.y >= params.P || at.z >= params.Q) { return ${nowhere}; }
  let k = group / params.phases * params.cols + col;
  return at.x * params.yn + k * params.yc + at.y * params.yh + at.z * params.yw;
}`,
    along: { a: isLast ? "depth" : "row", b: "col" },
    steps: convSteps(problem),
  };
}

function params(problem: Problem): Record<string, number> {
  const [high, wide] = axesOf(problem);
  const layout = problem.attributes.layout as Layout;
  const { inputs, outputs } = perGroup(problem);
  const group = problem.attributes.group as number;
  return {
    ...{ H: high.input, W: wide.input, P: high.output, Q: wide.output },
    ...{ R: high.kernel, S: wide.kernel, channels: inputs, phases: high.stride * wide.stride },
    ...{ strideH: high.stride, strideW: wide.stride, padH: high.pad, padW: wide.pad },
    ...{ dilationH: high.dilation, dilationW: wide.dilation },
    ...{ tapStepH: high.tapStep, tapStepW: wide.tapStep, tapsH: high.taps, tapsW: wide.taps },
    ...{ divisorH: high.divisor, divisorW: wide.divisor },
    ...{ inverseH: high.inverse, inverseW: wide.inverse },
    pixelsH: Math.ceil(high.output / high.stride),
    pixelsW: Math.ceil(wide.output / wide.stride),
    ...pictureStrides("x", layout, inputs * group, high.input, wide.input),
    ...pictureStrides("y", layout, outputs * group, high.output, wide.output),
  };
}

/**
 * Functions that both operands share; channels run innermost where they do in memory. A tap reaches
 * a pixel where pixel + pad = tap * dilation, modulo the stride: the first one is found by the
 * inverse of the dilation.
 */
function declarations(isLast: boolean): string {
  const [channel, tap] = isLast
    ? ["k % params.channels", "k / params.channels"]
    : ["k / (params.tapsH * params.tapsW)", "k % (params.tapsH * params.tapsW)"];
  return `fn firstTap(at: u32, divisor: u32, inverse: u32, step: u32, none: u32) -> u32 {
  return select(none, at / divisor % step * inverse % step, at % divisor == 0u);
}
/** Channel, row and column of the kernel at position k of the sum. */
fn tapOf(group: u32, k: u32) -> vec3<u32> {
  let phase = group % params.phases;
  let tap = ${tap};
  return vec3<u32>(
    ${channel},
    tap / params.tapsW * params.tapStepH + firstTap(phase / params.strideW + params.padH,
      params.divisorH, params.inverseH, params.tapStepH, params.R),
    tap % params.tapsW * params.tapStepW + firstTap(phase % params.strideW + params.padW,
      params.divisorW, params.inverseW, params.tapStepW, params.S),
  );
}
/** Batch entry, row and column of an output pixel; some lie beyond the last row or column. */
fn pixelOf(group: u32, row: u32) -> vec3<u32> {
  let phase = group % params.phases;
  return vec3<u32>(
    row / (params.pixelsH * params.pixelsW),
    row / params.pixelsW % params.pixelsH * params.strideH + phase / params.strideW,
    row % params.pixelsW * params.strideW + phase % params.strideW,
  );
}`;
}
