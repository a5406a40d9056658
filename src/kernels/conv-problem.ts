import { biasStep, type Step, stepsOf } from "./epilogue.ts";
import { type Layout, pictureOf, type WindowAttributes, windowOf } from "./geometry.ts";
import type { Problem } from "./kernel.ts";

/** A pair of one number for the height and one for the width. */
export interface Pair {
  readonly h: number;
  readonly w: number;
}

/** A two-dimensional convolution in the project's letters. One spatial axis counts as height 1. */
export interface Conv2d {
  readonly layout: Layout;
  /** Batch, input channels, input height and width. */
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  /** Output channels, kernel height and width, output height and width, groups. */
  readonly K: number;
  readonly R: number;
  readonly S: number;
  readonly P: number;
  readonly Q: number;
  readonly G: number;
  readonly stride: Pair;
  readonly dilation: Pair;
  /** Padding before the first row and column. */
  readonly pad: Pair;
}

/** Reads a Conv problem; undefined for three spatial axes. */
export function conv2dOf(problem: Problem): Conv2d | undefined {
  const layout = problem.attributes.layout as Layout;
  const x = pictureOf(problem.inputs[0]!.dims, layout);
  const [K, , ...kernel] = problem.inputs[1]!.dims;
  if (x.spatial.length > 2) return undefined;
  const attributes = problem.attributes as unknown as WindowAttributes;
  const window = windowOf(x.spatial, kernel, attributes);
  const [H, W] = pairOf(x.spatial, 1);
  const [R, S] = pairOf(kernel, 1);
  const [P, Q] = pairOf(window.output, 1);
  return {
    layout,
    ...{ N: x.batch, C: x.channels, H, W, K: K!, R, S, P, Q },
    G: problem.attributes.group as number,
    stride: named(pairOf(window.strides, 1)),
    dilation: named(pairOf(window.dilations, 1)),
    pad: named(pairOf(window.padsBegin, 0)),
  };
}

function pairOf(list: readonly number[], missing: number): [number, number] {
  return list.length === 1 ? [missing, list[0]!] : [list[0]!, list[1]!];
}

const named = ([h, w]: [number, number]): Pair => ({ h, w });

/** The bias, if there is one, then the fused steps. */
export function convSteps(problem: Problem): Step[] {
  const rank = problem.outputs[0]!.dims.length;
  const K = problem.inputs[2]?.dims[0] ?? 0;
  const channelsLast = problem.attributes.layout === "NHWC";
  const dims = channelsLast ? [K] : [K, ...new Array<number>(rank - 2).fill(1)];
  return [...biasStep(problem, 2, dims), ...stepsOf(problem)];
}
