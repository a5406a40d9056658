import type { Step } from "../kernels/epilogue.ts";
import { type Layout, pictureOf } from "../kernels/geometry.ts";
import type { Problem } from "../kernels/kernel.ts";
import { type Shape, sizeOf } from "../tensor/index.ts";
import type { InferContext, Ndarray } from "./define.ts";
import { spreadTo } from "./pointwise.ts";

/** The shape under which a list with a number for each channel broadcasts to a picture. */
function channelDims(rank: number, channels: number, layout: Layout): number[] {
  return layout === "NHWC" ? [channels] : [channels, ...new Array<number>(rank - 2).fill(1)];
}

/** Checks that inputs 1 to `last` have one number for each channel of the first. */
export function checkChannels(
  { inputs }: InferContext<unknown>,
  layout: Layout,
  last: number,
): void {
  const { dims } = inputs[0]!;
  if (dims.length < 2) throw new Error(`the input has ${dims.length} axes, needs 2 or more`);
  const { channels } = pictureOf(dims, layout);
  inputs.slice(1, last + 1).forEach((type, i) => {
    const size = sizeOf(type!.dims);
    if (size !== channels) {
      throw new Error(`input ${i + 1} has ${size} numbers, the first input ${channels} channels`);
    }
  });
}

/** A step that takes one number for each channel from an input. */
export function channelStep(problem: Problem, index: number, expression: Step["expression"]): Step {
  const { dims } = problem.inputs[0]!;
  const layout = problem.attributes.layout as Layout;
  const { channels } = pictureOf(dims, layout);
  const type = {
    dtype: problem.inputs[index]!.dtype,
    dims: channelDims(dims.length, channels, layout),
  };
  return { expression, operand: { type, from: { kind: "input", index } } };
}

/** Numbers for channels, spread over a picture. */
export function spreadChannels(list: Ndarray, dims: Shape, layout: Layout): Float64Array {
  const shape = channelDims(dims.length, list.data.length, layout);
  return spreadTo({ dims: shape, data: list.data }, dims);
}
