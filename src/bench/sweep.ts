import { flopOfLayer } from "./conv-layer.ts";
import { bytesOfPoint, type ConvPoint } from "./measure-conv.ts";
import { seededNumbers } from "./random.ts";

/** Everything that a sweep may visit: the product of these lists, less what nobody runs. */
export const sweepSpace = {
  kernels: [1, 3, 5, 7],
  strides: [1, 2],
  channels: [3, 16, 64, 128, 256, 512, 1024, 2048],
  sizes: [7, 14, 28, 56, 112, 224],
  groups: [1, 4, 32, "depthwise"],
  dilations: [1, 2],
  batches: [1, 8, 32],
} as const;

/** What bounds a sweep besides the time that it may take. */
export interface SweepLimits {
  /** Points at most. */
  readonly limit: number;
  readonly seed: number;
  /** Operations and bytes (in float32) of one point at most. */
  readonly flopMax: number;
  readonly bytesMax: number;
  /** Instead of the usual batches. */
  readonly batches?: readonly number[];
}

/** Weights of one layer at most: larger ones are no layers of convolution that anybody runs. */
const weightsMax = 2048 * 2048 * 2;

/**
 * Points of the declared space in an order that a seed decides; equal limits give equal lists. The
 * longer list of a larger limit begins with the shorter one.
 *
 * @example sweepPoints({ limit: 100, seed: 1, flopMax: 1e12, bytesMax: 2 ** 30 });
 */
export function sweepPoints(limits: SweepLimits): ConvPoint[] {
  const { limit, seed, flopMax, bytesMax, batches = sweepSpace.batches } = limits;
  const points = wholeSpace(batches).filter((point) => {
    const { layer, batch } = point;
    const weights = (layer.K * layer.C * layer.R * layer.S) / layer.G;
    if (weights > weightsMax || batch * flopOfLayer(layer) > flopMax) return false;
    return bytesOfPoint(point) <= bytesMax;
  });
  const next = seededNumbers(seed);
  // Fisher and Yates, as far as needed.
  for (let i = 0; i < Math.min(limit, points.length); i++) {
    const j = i + Math.floor(next() * (points.length - i));
    [points[i], points[j]] = [points[j]!, points[i]!];
  }
  return points.slice(0, limit);
}

function wholeSpace(batches: readonly number[]): ConvPoint[] {
  const { kernels, strides, channels, sizes, groups, dilations } = sweepSpace;
  const points: ConvPoint[] = [];
  for (const R of kernels)
    for (const stride of strides)
      for (const C of channels)
        for (const H of sizes)
          for (const group of groups)
            for (const dilation of dilations)
              for (const batch of batches) {
                const G = group === "depthwise" ? C : group;
                // A first layer has more filters than channels; elsewhere they are equal in number.
                const K = C === 3 ? 64 : C;
                const isUsual =
                  (C > 3 || G === 1) && (group === "depthwise" || C / G >= 4 || G === 1);
                const fits = (R - 1) * dilation < H && (R > 1 || dilation === 1);
                if (!isUsual || !fits) continue;
                const layer = { C, H, W: H, K, R, S: R, stride, dilation, G };
                points.push({ layer, batch });
              }
  return points;
}
