import { type AxisTable, outside } from "./axis-gather.ts";

export type CoordinateMode =
  | "half_pixel"
  | "pytorch_half_pixel"
  | "half_pixel_symmetric"
  | "align_corners"
  | "asymmetric"
  | "tf_crop_and_resize";

export type NearestMode = "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil";

/** How every axis is resized: ONNX's attributes of Resize. */
export interface Sampling {
  readonly mode: "nearest" | "linear" | "cubic";
  readonly coordinate_transformation_mode: CoordinateMode;
  readonly nearest_mode: NearestMode;
  readonly cubic_coeff_a: number;
  readonly exclude_outside: number;
}

/** One axis: its sizes, the factor between them, and the part that is shown (0 to 1: all). */
export interface AxisResize {
  readonly input: number;
  readonly output: number;
  readonly scale: number;
  readonly roi: readonly [start: number, end: number];
}

const f32 = Math.fround;

/**
 * The place on the input axis that output element `at` shows. Rounded to float32 after each step
 * as ONNX Runtime does: what "nearest" picks may hinge on the last bit.
 */
function coordinate(at: number, axis: AxisResize, mode: CoordinateMode): number {
  const { input, output, scale } = axis;
  const center = f32(f32(f32(at + 0.5) / scale) - 0.5);
  switch (mode) {
    case "half_pixel":
      return center;
    case "pytorch_half_pixel":
      return output > 1 ? center : 0;
    case "half_pixel_symmetric": {
      // The output's rounded size moves the picture's middle; this moves it back.
      const offset = f32((input / 2) * f32(1 - f32(output / f32(scale * input))));
      return f32(f32(offset + f32(f32(at + 0.5) / scale)) - 0.5);
    }
    case "align_corners":
      return output > 1 ? f32(f32(at * (input - 1)) / (output - 1)) : 0;
    case "asymmetric":
      return f32(at / scale);
    case "tf_crop_and_resize": {
      const [start, end] = axis.roi;
      const last = input - 1;
      return output > 1
        ? f32(f32(start * last) + f32(f32(at * f32(end - start) * last) / (output - 1)))
        : f32(0.5 * f32(start + end) * last);
    }
  }
}

function round(x: number, mode: NearestMode): number {
  if (mode === "floor") return Math.floor(x);
  if (mode === "ceil") return Math.ceil(x);
  return mode === "round_prefer_floor" ? Math.ceil(x - 0.5) : Math.floor(x + 0.5);
}

/**
 * Weights of the four neighbours of a place that lies `t` (0 to 1) behind the second.
 * R. Keys, "Cubic convolution interpolation for digital image processing", 1981; `a` is his free
 * parameter.
 */
function cubicWeights(t: number, a: number): number[] {
  const near = (x: number) => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [far(1 + t), near(t), near(1 - t), far(2 - t)];
}

/** The neighbours of `x` and their weights; places may lie outside of the axis. */
function neighbours(x: number, { mode, nearest_mode, cubic_coeff_a }: Sampling) {
  if (mode === "nearest") return { first: round(x, nearest_mode), weights: [1] };
  const first = Math.floor(x);
  const t = x - first;
  if (mode === "linear") return { first, weights: [1 - t, t] };
  return { first: first - 1, weights: cubicWeights(t, cubic_coeff_a) };
}

/** Without the places outside of the axis, and the sum still 1. */
function excludeOutside(weights: readonly number[], first: number, size: number): number[] {
  const kept = weights.map((w, i) => (first + i >= 0 && first + i < size ? w : 0));
  const sum = kept.reduce((a, b) => a + b, 0);
  return kept.map((w) => w / sum);
}

/** Where each output element along an axis comes from; undefined where nothing changes. */
export function resizeTable(axis: AxisResize, sampling: Sampling): AxisTable | undefined {
  const { coordinate_transformation_mode: mode } = sampling;
  const { input, output, scale, roi } = axis;
  const cropped = mode === "tf_crop_and_resize" && (roi[0] !== 0 || roi[1] !== 1);
  if (input === output && scale === 1 && !cropped) return undefined;
  const taps = { nearest: 1, linear: 2, cubic: 4 }[sampling.mode];
  const places: number[] = [];
  const weights: number[] = [];
  for (let at = 0; at < output; at++) {
    const x = coordinate(at, axis, mode);
    const near = neighbours(x, sampling);
    const isOutside = mode === "tf_crop_and_resize" && (x < 0 || x > input - 1);
    for (let i = 0; i < taps; i++) {
      places.push(isOutside ? outside : Math.min(Math.max(near.first + i, 0), input - 1));
    }
    const exclude = sampling.exclude_outside !== 0 && sampling.mode === "cubic";
    weights.push(...(exclude ? excludeOutside(near.weights, near.first, input) : near.weights));
  }
  return { size: output, taps, places, ...(taps > 1 && { weights }) };
}
