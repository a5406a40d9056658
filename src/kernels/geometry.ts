import type { Shape } from "../tensor/index.ts";

/** Order of a picture's axes in memory: ONNX's own, or channels last, which kernels prefer. */
export type Layout = "NCHW" | "NHWC";

export type AutoPad = "NOTSET" | "SAME_UPPER" | "SAME_LOWER" | "VALID";

/** What convolutions and pools have in common. Spatial lists are empty where left out. */
export interface WindowAttributes {
  readonly auto_pad: AutoPad;
  readonly pads: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

/** A sliding window over the spatial axes, one entry per axis. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBegin: readonly number[];
  readonly padsEnd: readonly number[];
  readonly output: readonly number[];
}

/**
 * Resolves padding modes and works out the output sizes of a convolution or pool.
 * `ceil` rounds the output size up, as pools with `ceil_mode` do, without a last window that would
 * start in the padding. Throws a sentence where the numbers do not fit.
 */
export function windowOf(
  spatial: Shape,
  kernel: readonly number[],
  attributes: WindowAttributes,
  ceil = false,
): Window {
  const rank = spatial.length;
  const strides = fill(attributes.strides, rank, 1, "strides");
  const dilations = fill(attributes.dilations, rank, 1, "dilations");
  for (const [name, list] of Object.entries({ kernel, strides, dilations })) {
    const wrong = list.find((v) => v < 1);
    if (wrong !== undefined) throw new Error(`${name} must be 1 or more, not ${wrong}`);
  }
  if (kernel.length !== rank)
    throw new Error(`kernel has ${kernel.length} axes, input has ${rank}`);
  const extent = kernel.map((k, i) => (k - 1) * dilations[i]! + 1);
  const { auto_pad: mode } = attributes;
  if (mode === "SAME_UPPER" || mode === "SAME_LOWER") {
    const output = spatial.map((s, i) => Math.ceil(s / strides[i]!));
    const total = output.map((o, i) =>
      Math.max(0, (o - 1) * strides[i]! + extent[i]! - spatial[i]!),
    );
    const small = total.map((t) => Math.floor(t / 2));
    const large = total.map((t, i) => t - small[i]!);
    const [padsBegin, padsEnd] = mode === "SAME_UPPER" ? [small, large] : [large, small];
    return { kernel, strides, dilations, padsBegin, padsEnd, output };
  }
  const pads = mode === "VALID" ? [] : attributes.pads;
  const all = fill(pads, 2 * rank, 0, "pads");
  const padsBegin = all.slice(0, rank);
  const padsEnd = all.slice(rank);
  const output = spatial.map((s, i) => {
    const room = s + padsBegin[i]! + padsEnd[i]! - extent[i]!;
    if (room < 0) {
      throw new Error(
        `the window spans ${extent[i]} but the padded input only ${room + extent[i]!} (axis ${i})`,
      );
    }
    if (!ceil) return Math.floor(room / strides[i]!) + 1;
    const up = Math.ceil(room / strides[i]!) + 1;
    return (up - 1) * strides[i]! >= s + padsBegin[i]! ? up - 1 : up;
  });
  return { kernel, strides, dilations, padsBegin, padsEnd, output };
}

function fill(
  list: readonly number[],
  count: number,
  value: number,
  name: string,
): readonly number[] {
  if (list.length === 0) return new Array<number>(count).fill(value);
  if (list.length !== count) throw new Error(`${name} has ${list.length} numbers, needs ${count}`);
  return list;
}

/** Batch, channels and spatial sizes of a picture's shape in either layout. */
export function pictureOf(dims: Shape, layout: Layout) {
  const [n, ...rest] = dims;
  if (layout === "NCHW") return { batch: n!, channels: rest[0]!, spatial: rest.slice(1) };
  return { batch: n!, channels: rest[rest.length - 1]!, spatial: rest.slice(0, -1) };
}

/** The shape of a picture in `layout`: the inverse of `pictureOf`. */
export function pictureDims(
  batch: number,
  channels: number,
  spatial: readonly number[],
  layout: Layout,
): number[] {
  return layout === "NCHW" ? [batch, channels, ...spatial] : [batch, ...spatial, channels];
}
