import { sizeOf } from "../tensor/index.ts";
import { epilogue, stepsAreVectorizable, stepsOf } from "./epilogue.ts";
import { type Layout, pictureOf } from "./geometry.ts";
import type { Kernel, Problem } from "./kernel.ts";
import { literal } from "./literal.ts";
import {
  computeType,
  declare,
  elementOf,
  needsFloats,
  spread,
  type Width,
  workgroupArguments,
  workgroupIndex,
} from "./wgsl.ts";

const threads = 64;

/** Local response normalization: each lane sums the squares of its element's channel window. */
export const lrnKernel: Kernel = {
  name: "lrn",
  supports: needsFloats,
  configs: (problem) => (widest(problem) === 4 ? [{ width: 4 }, { width: 1 }] : [{ width: 1 }]),
  fits: (config, problem) =>
    (config.width as number) <= widest(problem) || "elements of a channel do not lie in fours",
  build(problem, config, options) {
    const width = config.width as Width;
    const out = problem.outputs[0]!;
    const { channels, inner } = axesOf(problem);
    const count = sizeOf(out.dims) / width;
    const tail = epilogue(stepsOf(problem), out, width);
    const x = elementOf(problem.inputs[0]!, width);
    const y = elementOf(out, width);
    const head = declare(
      {
        buffers: [
          { name: "x", element: x, from: { kind: "input", index: 0 } },
          ...tail.buffers,
          { name: "y", element: y, from: { kind: "output", index: 0 }, write: true },
        ],
        params: { count, channels, inner: inner / width, ...tail.params },
      },
      options,
    );
    const wgsl = `${head.text}
${tail.text}
@compute @workgroup_size(${threads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let i = (${workgroupIndex}) * ${threads}u + lane;
  if (i >= params.count) { return; }
${body(problem, width)}
  y[i] = ${y}(epilogue(value, i * ${width}u));
}
`;
    return {
      dispatches: [
        {
          label: `${problem.op} x${width}`,
          wgsl,
          bindings: head.bindings,
          workgroups: spread(Math.ceil(count / threads)),
        },
      ],
    };
  },
};

/** The number of channels, and of elements between one channel and the next. */
function axesOf({ inputs, attributes }: Problem) {
  const layout = attributes.layout as Layout;
  const { channels, spatial } = pictureOf(inputs[0]!.dims, layout);
  return { channels, inner: layout === "NCHW" ? sizeOf(spatial) : 1 };
}

function widest(problem: Problem): Width {
  const vectors =
    axesOf(problem).inner % 4 === 0 && stepsAreVectorizable(stepsOf(problem), problem.outputs[0]!);
  return vectors ? 4 : 1;
}

/** WGSL that sets `value` from the element `i` and its neighbours in other channels. */
function body({ attributes }: Problem, width: Width): string {
  const T = computeType(width);
  const [size, alpha, beta, bias] = ["size", "alpha", "beta", "bias"].map(
    (name) => attributes[name] as number,
  );
  const before = Math.floor((size! - 1) / 2);
  const after = Math.ceil((size! - 1) / 2);
  const scale = `${T}(${literal(bias!)}) + ${literal(alpha! / size!)} * sum`;
  return `  let channel = i / params.inner % params.channels;
  let low = max(channel, ${before}u) - ${before}u;
  let high = min(channel + ${after}u, params.channels - 1u);
  let base = i - channel * params.inner;
  var sum = ${T}(0);
  for (var c = low; c <= high; c++) {
    let neighbour = ${T}(x[base + c * params.inner]);
    sum += neighbour * neighbour;
  }
  let value = ${T}(x[i]) * pow(${scale}, ${T}(${literal(-beta!)}));`;
}
