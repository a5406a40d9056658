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
  readonly antialias: number;
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
      // By the rounded size, as PyTorch and ONNX Runtime read it; two of ONNX's own tests
      // (downsample_scales_*_align_corners) divide by input times scale instead.
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

/** What a neighbour counts that lies `x` away. */
type Weight = (x: number) => number;

const linear: Weight = (x) => Math.max(0, 1 - Math.abs(x));

/**
 * R. Keys, "Cubic convolution interpolation for digital image processing", 1981; `a` is his free
 * parameter.
 */
function cubic(a: number): Weight {
  return (signed) => {
    const x = Math.abs(signed);
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
  };
}

/** Neighbours of a place, counted from the element before it, and what each counts. */
interface Filter {
  readonly first: number;
  readonly taps: number;
  readonly weights: (t: number) => number[];
}

/**
 * The neighbours that are summed for a place `t` (0 to 1) behind an element. With antialiasing,
 * a filter that shrinks is as much wider as the picture becomes smaller.
 */
function filterOf({ mode, cubic_coeff_a, antialias }: Sampling, scale: number): Filter {
  const [weight, radius] = mode === "cubic" ? [cubic(cubic_coeff_a), 2] : [linear, 1];
  const narrowing = antialias !== 0 ? Math.min(scale, 1) : 1;
  const first = Math.floor(-radius / narrowing) + 1;
  const taps = 2 - 2 * first;
  const weights = (t: number) =>
    normalized(Array.from({ length: taps }, (_, i) => weight((first + i - t) * narrowing)));
  return { first, taps, weights };
}

/** Weights that sum to 1, or all zero where none counts. */
function normalized(weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / (sum || 1));
}

/** Where each output element along an axis comes from; undefined where nothing changes. */
export function resizeTable(axis: AxisResize, sampling: Sampling): AxisTable | undefined {
  const { coordinate_transformation_mode: mode } = sampling;
  const { input, output, scale, roi } = axis;
  const cropped = mode === "tf_crop_and_resize" && (roi[0] !== 0 || roi[1] !== 1);
  if (input === output && scale === 1 && !cropped) return undefined;
  const centers = Array.from({ length: output }, (_, at) => coordinate(at, axis, mode));
  const isOutside = (x: number) => mode === "tf_crop_and_resize" && (x < 0 || x > input - 1);
  const clamp = (place: number) => Math.min(Math.max(place, 0), input - 1);
  if (sampling.mode === "nearest" || output === 0) {
    const nearest = (x: number) => clamp(round(x, sampling.nearest_mode));
    const places = centers.map((x) => (isOutside(x) ? outside : nearest(x)));
    return { size: output, taps: 1, places };
  }
  const { first, taps, weights } = filterOf(sampling, scale);
  const window = Array.from({ length: taps }, (_, i) => first + i);
  const placesOf = (x: number) => window.map((i) => Math.floor(x) + i);
  const weightsOf = (x: number) => {
    const all = weights(x - Math.floor(x));
    if (sampling.exclude_outside === 0) return all;
    const places = placesOf(x);
    return normalized(all.map((w, i) => (places[i] === clamp(places[i]!) ? w : 0)));
  };
  return {
    size: output,
    taps,
    places: centers.flatMap((x) => placesOf(x).map((i) => (isOutside(x) ? outside : clamp(i)))),
    weights: centers.flatMap(weightsOf),
  };
}
