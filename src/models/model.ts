import { RekindleError } from "../errors.ts";
import type { Dim, Graph } from "../graph/index.ts";
import { GraphBuilder } from "./builder.ts";

export interface ModelOptions {
  /** Equal seeds give equal weights. Default 1. */
  readonly seed?: number;
  /** The batch size, or the name of one that stays free. Default "N". */
  readonly batch?: Dim;
  /** Height and width of the input in pixels. Default 224. */
  readonly imageSize?: number;
  /** Classes that a classifier tells apart, or channels of a picture network's output. */
  readonly classes?: number;
  /** Scales the channels of the networks that have a width; see their summaries. */
  readonly width?: number;
}

/** A well-known architecture, with random weights: for tests, benchmarks and first steps. */
export interface Model {
  readonly name: string;
  readonly family: string;
  readonly summary: string;
  /** The network as a graph from "x" [N, 3, H, W] to "y". Throws "usage" for impossible sizes. */
  build(options?: ModelOptions): Graph;
}

/** A classifier: its features, then what makes [N, classes] of them. */
export function classifier(
  name: string,
  options: ModelOptions,
  layers: (b: GraphBuilder, x: string, classes: number) => string,
): Graph {
  const { batch = "N", classes = 1000 } = options;
  const { b, x } = begin(name, options);
  return b.finish(layers(b, x, classes), [batch, classes]);
}

/** A builder with the input "x". */
export function begin(name: string, options: ModelOptions) {
  const { seed = 1, batch = "N" } = options;
  const size = imageSizeOf(name, options);
  const b = new GraphBuilder(name, seed);
  return { b, x: b.input("x", [batch, 3, size, size]), size, batch };
}

/** The size of the input, checked to be a multiple of `step` that is not below `least`. */
export function imageSizeOf(name: string, options: ModelOptions, least = 1, step = 1): number {
  const { imageSize = 224 } = options;
  if (Number.isInteger(imageSize) && imageSize >= least && imageSize % step === 0) return imageSize;
  const wanted = step === 1 ? `an integer from ${least} on` : `a multiple of ${step}`;
  throw new RekindleError(
    "usage",
    `${name} needs an image size that is ${wanted}, not ${imageSize}`,
  );
}

/** `value` rounded to a multiple of `divisor`, by no more than a tenth down (as MobileNet does). */
export function roundChannels(value: number, divisor = 8): number {
  const rounded = Math.max(divisor, Math.floor(value / divisor + 0.5) * divisor);
  return rounded < 0.9 * value ? rounded + divisor : rounded;
}
