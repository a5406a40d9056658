import { sizeOf } from "../tensor/index.ts";
import { gradWindow } from "./conv-grad-weight.ts";
import { epilogue, stepsOf } from "./epilogue.ts";
import type { BuildOptions, Kernel, Problem, Program } from "./kernel.ts";
import { combineFunction, combineStorage, type Lanes } from "./lanes.ts";
import { threeAxes } from "./three-axes.ts";
import {
  declare,
  elementOf,
  needsFloats,
  spread,
  workgroupArguments,
  workgroupIndex,
} from "./wgsl.ts";

/** A workgroup shares out the pixels that one weight was multiplied with. */
const lanes: Lanes = { columns: 1, parts: 64, along: true };

/**
 * The gradient of a convolution for its weights with one workgroup for each weight: for depthwise
 * convolutions, and for all that `conv-grad-weight` leaves: one to three spatial axes.
 */
export const convGradWeightSum: Kernel = {
  name: "conv-grad-weight-sum",
  supports: needsFloats,
  configs: () => [{}],
  fits: () => true,
  build: (problem, _config, options) => programOf(problem, options),
};

function programOf(problem: Problem, options: BuildOptions): Program {
  const [x, dy] = problem.inputs;
  const out = problem.outputs[0]!;
  const tail = epilogue(stepsOf(problem), out, 1);
  const count = sizeOf(out.dims);
  const head = declare(
    {
      buffers: [
        { name: "x", element: elementOf(x!), from: { kind: "input", index: 0 } },
        { name: "dy", element: elementOf(dy!), from: { kind: "input", index: 1 } },
        ...tail.buffers,
        { name: "y", element: elementOf(out), from: { kind: "output", index: 0 }, write: true },
      ],
      params: { count, ...sizes(problem), ...tail.params },
    },
    options,
  );
  const wgsl = `${head.text}
${tail.text}
${combineStorage(lanes, "f32")}
${combineFunction("add_parts", lanes, "f32", (a, b) => `${a} + ${b}`)}
@compute @workgroup_size(${lanes.parts})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let at = ${workgroupIndex};
  if (at >= params.count) { return; }
  var rest = at;
  let r2 = rest % params.R2; rest /= params.R2;
  let r1 = rest % params.R1; rest /= params.R1;
  let r0 = rest % params.R0; rest /= params.R0;
  let k = rest / params.channels;
  let c = k / params.filters * params.channels + rest % params.channels;
  let outputs = params.P0 * params.P1 * params.P2;
  var value = 0.0;
  for (var i = lane; i < params.N * outputs; i += ${lanes.parts}u) {
    let n = i / outputs;
    let p0 = i / (params.P1 * params.P2) % params.P0;
    let p1 = i / params.P2 % params.P1;
    let p2 = i % params.P2;
    // Below zero wraps around to a large number, so that one comparison finds both borders.
    let h0 = p0 * params.stride0 + r0 * params.dilation0 - params.pad0;
    let h1 = p1 * params.stride1 + r1 * params.dilation1 - params.pad1;
    let h2 = p2 * params.stride2 + r2 * params.dilation2 - params.pad2;
    if (h0 < params.H0 && h1 < params.H1 && h2 < params.H2) {
      let fromX = n * params.xN + c * params.xC
        + h0 * params.x0 + h1 * params.x1 + h2 * params.x2;
      value = fma(f32(dy[(n * params.K + k) * outputs + i % outputs]), f32(x[fromX]), value);
    }
  }
  let whole = add_parts(value, lane, lane);
  if (lane == 0u) { y[at] = ${elementOf(out)}(epilogue(whole, at)); }
}
`;
  const label = "conv weight gradient, summed";
  return { dispatches: [{ label, wgsl, bindings: head.bindings, workgroups: spread(count) }] };
}

function sizes(problem: Problem): Record<string, number> {
  const [x, dy] = problem.inputs;
  const group = problem.attributes.group as number;
  return {
    N: x!.dims[0]!,
    K: dy!.dims[1]!,
    /** Filters and channels of a group. */
    filters: dy!.dims[1]! / group,
    channels: x!.dims[1]! / group,
    ...threeAxes(x!.dims, "NCHW", gradWindow(problem)),
  };
}
