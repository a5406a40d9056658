import type { Tensor } from "../tensor/index.ts";
import { type Conv2d, conv2dOf, convSteps } from "./conv-problem.ts";
import { epilogue, stepsAreVectorizable } from "./epilogue.ts";
import type { Config, DeviceTraits, Kernel, Packed, Problem } from "./kernel.ts";
import { packConstant } from "./pack.ts";
import { pixelCode } from "./place.ts";
import {
  declare,
  elementOf,
  needsFloats,
  spread,
  workgroupArguments,
  workgroupIndex,
} from "./wgsl.ts";

const threads = 64;

/**
 * Depthwise convolution (one filter per channel), channels last: a thread computes four channels
 * of `outputs` neighbouring columns, so that a loaded pixel serves several windows.
 */
export const convDepthwise: Kernel = {
  name: "conv-depthwise",
  placed: { output: true, inputs: "first" },
  supports(problem) {
    const floats = needsFloats(problem);
    if (floats !== true) return floats;
    const c = conv2dOf(problem);
    if (c?.layout !== "NHWC") return "needs one or two spatial axes, channels last";
    if (!problem.constants[1]) return "needs weights that are known before the run";
    if (c.G !== c.C || c.K !== c.C) return "needs one filter per channel";
    if (c.C % 4 !== 0) return `needs a multiple of 4 channels, has ${c.C}`;
    return (
      stepsAreVectorizable(convSteps(problem), problem.outputs[0]!) ||
      "a fused operand is not four wide"
    );
  },
  configs(problem, device): readonly Config[] {
    const c = conv2dOf(problem)!;
    return outputsPerThread(c, device).map((outputs) => ({ outputs }));
  },
  fits: () => true,
  build(problem, config, options) {
    const c = conv2dOf(problem)!;
    const outputs = config.outputs as number;
    const out = problem.outputs[0]!;
    const tail = epilogue(convSteps(problem), out, 4);
    const pixels = pixelCode(problem.inputs[0]!, "params.C4");
    const columns = Math.ceil(c.Q / outputs);
    const count = c.N * c.P * columns * (c.C / 4);
    const element = elementOf(problem.inputs[0]!, 4);
    const head = declare(
      {
        buffers: [
          { name: "x", element, from: { kind: "input", index: 0 } },
          { name: "w", element, from: { kind: "packed", index: 0 } },
          ...tail.buffers,
          {
            name: "y",
            element: elementOf(out, 4),
            from: { kind: "output", index: 0 },
            write: true,
          },
        ],
        params: { count, columns, ...sizes(c), ...pixels.params, ...tail.params },
      },
      options,
    );
    const wgsl = `${head.text}
${tail.text}
@compute @workgroup_size(${threads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let i = (${workgroupIndex}) * ${threads}u + lane;
  if (i >= params.count) { return; }
  let channel = i % params.C4;
  let q = i / params.C4 % params.columns * ${outputs}u;
  let p = i / (params.C4 * params.columns) % params.P;
  let n = i / (params.C4 * params.columns * params.P);
${body(c, outputs, pixels)}
${range(outputs)
  .map((j) => store(j, elementOf(out, 4), tail.placed("at")))
  .join("\n")}
}
`;
    return {
      dispatches: [
        {
          label: `conv depthwise ${c.R}x${c.S} by ${outputs}`,
          wgsl,
          bindings: head.bindings,
          workgroups: spread(Math.ceil(count / threads)),
        },
      ],
      packed: [packDepthwise(problem, c)],
    };
  },
};

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Columns per thread, best guess first: fewer where the picture is small or rows leave a rest. */
function outputsPerThread(c: Conv2d, device: DeviceTraits): number[] {
  if (device.isSoftware) return [1];
  const work = (c.N * c.P * c.Q * c.C) / 4;
  const score = (outputs: number) => {
    const useful = c.Q / (Math.ceil(c.Q / outputs) * outputs);
    return useful * Math.min(1, work / outputs / 32768) * (2 - 1 / outputs);
  };
  return [1, 2, 4].sort((a, b) => score(b) - score(a));
}

/**
 * Sums `sum0`, `sum1`, ...: one per column. Each pixel of a row is loaded once. No branch around a
 * pixel's load: the GPU would wait for each.
 */
function body(c: Conv2d, outputs: number, pixels: ReturnType<typeof pixelCode>): string {
  const span = (outputs - 1) * c.stride.w + (c.S - 1) * c.dilation.w + 1;
  const columns = range(span).map((at) => {
    const uses = range(outputs).flatMap((j) => {
      const s = (at - j * c.stride.w) / c.dilation.w;
      if (!Number.isInteger(s) || s < 0 || s >= c.S) return [];
      return [`sum${j} = fma(pixel, vec4<f32>(w[weight + ${s}u * params.C4]), sum${j});`];
    });
    if (uses.length === 0) return "";
    return `    {
      let loaded = vec4<f32>(x[line + (left + ${at}u) * ${pixels.pitch}]);
      let pixel = select(vec4<f32>(), loaded, isRow && left + ${at}u < params.W);
      ${uses.join("\n      ")}
    }`;
  });
  return `${range(outputs)
    .map((j) => `  var sum${j} = vec4<f32>();`)
    .join("\n")}
  let left = q * params.strideW - params.padW;
  for (var r = 0u; r < params.R; r++) {
    let h = p * params.strideH + r * params.dilationH - params.padH;
    let isRow = h < params.H;
    let line = (n * params.H + h) * params.W * ${pixels.pitch}${pixels.first} + channel;
    let weight = r * ${c.S}u * params.C4 + channel;
${columns.join("\n")}
  }`;
}

function store(j: number, element: string, placed: string): string {
  return `  if (q + ${j}u < params.Q) {
    let at = ((n * params.P + p) * params.Q + q + ${j}u) * params.C4 + channel;
    y[${placed}] = ${element}(epilogue(sum${j}, at * 4u));
  }`;
}

function sizes(c: Conv2d): Record<string, number> {
  return {
    ...{ H: c.H, W: c.W, P: c.P, Q: c.Q, R: c.R, C4: c.C / 4 },
    strideH: c.stride.h,
    strideW: c.stride.w,
    dilationH: c.dilation.h,
    padH: c.pad.h,
    padW: c.pad.w,
  };
}

/** Weights [C][1][R][S] as [R][S][C]. */
export function packDepthwise(problem: Problem, c: Conv2d): Packed {
  const taps = c.R * c.S;
  return packConstant({
    tensor: problem.constants[1] as Tensor,
    input: 1,
    layout: "depthwise",
    dtype: problem.inputs[0]!.dtype,
    length: taps * c.C,
    code: {
      params: { taps, C: c.C },
      count: taps * c.C,
      body: "  put(i, element(i % params.C * params.taps + i / params.C));",
    },
    fill(from, to) {
      for (let ch = 0; ch < c.C; ch++) {
        for (let tap = 0; tap < taps; tap++) to[tap * c.C + ch] = from[ch * taps + tap]!;
      }
    },
  });
}
