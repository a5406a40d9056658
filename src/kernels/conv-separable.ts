import { packDepthwise } from "./conv-depthwise.ts";
import { packProduct } from "./conv-gemm.ts";
import { conv2dOf } from "./conv-problem.ts";
import { biasStep, type Step, stepsAreVectorizable, stepsOf } from "./epilogue.ts";
import { loadsOf, type Tile, tileFits, tileOf } from "./gemm-tile.ts";
import type { Kernel, Problem } from "./kernel.ts";
import { pixelCode } from "./place.ts";
import { windowCode } from "./separable-window.ts";
import { isHalf, tilesFor } from "./tile-choice.ts";
import { tiledProgram } from "./tiled-product.ts";
import { elementOf, needsFloats } from "./wgsl.ts";

/**
 * Depthwise separable convolution in one kernel: the 1x1 convolution as a matrix product whose rows
 * are computed by the depthwise window as they are loaded. The value between the two never reaches
 * memory, but is computed anew for every tile of columns. Channels last, weights known.
 * Method: Howard et al., "MobileNets", 2017, for the layer; fused as in an implicit GEMM.
 */
export const convSeparable: Kernel = {
  name: "conv-separable",
  placed: { output: true, inputs: "first" },
  supports(problem) {
    const floats = needsFloats(problem);
    if (floats !== true) return floats;
    const [, taps, , weights] = problem.constants;
    if (!taps || !weights) return "needs weights that are known before the run";
    const c = conv2dOf(depthwiseOf(problem));
    if (!c) return "needs one or two spatial axes";
    if (c.R * c.S > 32) return `takes windows of up to 32 taps, has ${c.R}x${c.S}`;
    const K = filtersOf(problem);
    if (c.C % 4 !== 0 || K % 4 !== 0) return `needs multiples of 4 channels, has ${c.C} and ${K}`;
    return (
      stepsAreVectorizable(stepsAfter(problem), problem.outputs[0]!) ||
      "a fused operand is not four wide"
    );
  },
  configs(problem, device) {
    const c = conv2dOf(depthwiseOf(problem))!;
    const size = {
      M: c.N * c.P * c.Q,
      N: filtersOf(problem),
      depth: c.C,
      groups: 1,
      pictures: c.N,
    };
    return tilesFor({ ...size, isHalf: isHalf(problem), taps: c.R * c.S }, device);
  },
  fits: (config, _problem, device) => tileFits(tileOf(config), device),
  build(problem, config, options) {
    const first = depthwiseOf(problem);
    const c = conv2dOf(first)!;
    const t = tileOf(config);
    const K = filtersOf(problem);
    const [x, , shift] = problem.inputs;
    const element = elementOf(x!, 4);
    const pixels = pixelCode(x!, "(params.depth / 4u)");
    const window = windowCode(c, problem, pixels.pitch, options);
    const isExact = options.tailor === true && c.C % t.depth === 0;
    const program = tiledProgram(
      {
        label: `conv depthwise ${c.R}x${c.S} and 1x1 gemm`,
        rows: c.N * c.P * c.Q,
        cols: K / 4,
        groups: 1,
        depth: c.C,
        operands: [
          { name: "x", element, from: { kind: "input", index: 0 } },
          { name: "w", element, from: { kind: "packed", index: 1 } },
          { name: "window", element, from: { kind: "packed", index: 0 } },
          ...(shift
            ? [{ name: "shift", element, from: { kind: "input", index: 2 } } as const]
            : []),
        ],
        params: {
          ...{ H: c.H, W: c.W, P: c.P, Q: c.Q, taps: c.R * c.S },
          ...{ strideH: c.stride.h, strideW: c.stride.w, padH: c.pad.h, padW: c.pad.w },
          ...{ dilationH: c.dilation.h, dilationW: c.dilation.w, ...pixels.params },
        },
        functions: window.functions,
        code: {
          setup: `${windowSetup(t, pixels)}
  var channel = aVec + firstSlice * ${t.depth / 4}u;
  var weightRow = bRow + firstSlice * ${t.depth}u;`,
          a: {
            element: "vec4<f32>",
            ...window.load,
            counts: isExact ? undefined : () => "channel < params.depth / 4u",
          },
          b: {
            element,
            // Packed weights end with rows of zeros.
            value: (i) => `w[(weightRow + ${i}u * bStep) * params.cols + tileCol + bVec]`,
          },
          advance: `channel += ${t.depth / 4}u;
    weightRow += ${t.depth}u;`,
        },
        steps: stepsAfter(problem),
        out: problem.outputs[0]!,
      },
      t,
      options,
    );
    const weights = packProduct(pointwiseOf(problem, first), 3);
    return { ...program, packed: [packDepthwise(first, c), weights] };
  },
};

const filtersOf = ({ inputs }: Problem): number => inputs[3]!.dims[0]!;

/** The depthwise convolution alone. */
function depthwiseOf(problem: Problem): Problem {
  const channels = problem.inputs[1]!.dims[0]!;
  return {
    ...problem,
    op: "Conv",
    attributes: { ...problem.attributes, group: channels, layout: "NHWC" },
    inputs: problem.inputs.slice(0, 3),
    constants: problem.constants.slice(0, 3),
    epilogue: [],
  };
}

/** The 1x1 convolution alone. */
function pointwiseOf(problem: Problem, first: Problem): Problem {
  const [, ...window] = problem.inputs[3]!.dims.slice(1);
  const c = conv2dOf(first)!;
  const picture = window.length === 1 ? [c.Q] : [c.P, c.Q];
  const between = { dtype: problem.inputs[0]!.dtype, dims: [c.N, ...picture, c.C] };
  const whole = { dilations: [], kernel_shape: [], pads: [], strides: [] };
  return {
    ...problem,
    op: "Conv",
    attributes: { ...whole, auto_pad: "NOTSET", group: 1, layout: "NHWC" },
    inputs: [between, problem.inputs[3]],
    constants: [undefined, problem.constants[3]],
  };
}

/** The bias of the 1x1 convolution, then the fused steps. */
const stepsAfter = (problem: Problem): Step[] => [
  ...biasStep(problem, 4, [filtersOf(problem)]),
  ...stepsOf(problem),
];

/** Where the window of each pixel starts that this thread computes, and which taps lie inside. */
function windowSetup(t: Tile, { pitch, first }: ReturnType<typeof pixelCode>): string {
  return Array.from({ length: loadsOf(t).a }, (_, i) => {
    return `  let pixel${i} = tileRow + aRow + ${i}u * aStep;
  let top${i} = pixel${i} / params.Q % params.P * params.strideH - params.padH;
  let left${i} = pixel${i} % params.Q * params.strideW - params.padW;
  let picture${i} = pixel${i} / (params.P * params.Q) * params.H + top${i};
  let start${i} = (picture${i} * params.W + left${i}) * ${pitch}${first};
  let inside${i} = insideOf(top${i}, left${i});`;
  }).join("\n");
}
