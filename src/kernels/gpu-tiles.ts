import { type Tile, threadsOf } from "./gemm-tile.ts";
import type { ProductSize } from "./product-size.ts";

/** A tile with what was measured of it on an H100. */
export interface GpuTile extends Tile {
  /** Workgroups that hide each other's latency on a core. */
  readonly overlap: number;
  /**
   * The same where A is computed while it is loaded, which takes registers. Left out: not good for
   * that.
   */
  readonly overlapOfComputed?: number;
}

const tile = (
  [tileM, tileN, depth]: readonly [number, number, number],
  [rows, cols]: readonly [number, number],
  stages: 1 | 2,
  overlap: number,
  overlapOfComputed?: number,
): GpuTile => {
  // The driver writes short loops out by itself, and compiles them sooner.
  const unroll = rows * cols > 32;
  return {
    ...{ tileM, tileN, depth, rows, cols, stages, unroll, half: false, splits: 1 },
    ...{ overlap, ...(overlapOfComputed && { overlapOfComputed }) },
  };
};

/** From large (few loads for each multiplication) to small (work for many cores). */
export const gpuTiles: readonly GpuTile[] = [
  tile([128, 64, 8], [8, 8], 2, 2.48),
  tile([64, 128, 8], [8, 8], 2, 3.22),
  tile([64, 64, 16], [4, 8], 1, 6.86),
  tile([32, 64, 16], [4, 8], 1, 6.01, 5.6),
  tile([64, 32, 16], [8, 4], 1, 6.09),
  tile([32, 32, 16], [4, 4], 2, 2.19, 2.04),
];

/**
 * What the estimate is made of. Fitted, with the overlap of each tile, to 89 layers of ResNet-50,
 * VGG-16 and MobileNetV2 on an H100, in these tiles and up to 5 splits each (bench/tile-fit.mjs);
 * `tap` to MobileNetV2's separable layers (bench/depthwise-fusion.mjs).
 */
export const fitted = {
  /** Loads from workgroup memory for each multiplication, as against 1 / rows + 1 / cols. */
  load: 0.751,
  /** Cycles of latency for each multiplication of a thread. */
  multiplication: 0.609,
  /** Cycles of latency of a slice, where the one before must be done first. */
  slice: 79,
  /** Multiplications that take as long as a tap of what makes an element of A. */
  tap: 6.6,
  /** Cycles of the second dispatch of a split sum, and for each byte of its parts. */
  sum: 2580,
  byte: 0.00053,
};

/** Multiplications that a core starts in a cycle. */
const lanes = 128;

/**
 * Estimated time of a tiled product on a device of `cores` cores, in cycles: what arithmetic
 * and latency of the busiest core ask for.
 */
export function gpuCycles(t: GpuTile, size: ProductSize, cores: number, by = fitted): number {
  const { M, N, depth, groups, taps = 0 } = size;
  const tiles = groups * Math.ceil(M / t.tileM) * Math.ceil(N / t.tileN);
  const rounds = Math.ceil((tiles * t.splits) / cores);
  const slices = Math.ceil(Math.ceil(depth / t.depth) / t.splits);
  const loads = 1 + by.load * (1 / t.rows + 1 / t.cols);
  const perThread = (t.tileM * (t.tileN * loads + by.tap * taps) * t.depth) / threadsOf(t);
  const throughput = (rounds * slices * perThread * threadsOf(t)) / lanes;
  const wait = t.stages === 2 ? 0 : by.slice;
  const overlap = (taps > 0 && t.overlapOfComputed) || t.overlap;
  const latency = Math.ceil(rounds / overlap) * slices * (wait + by.multiplication * perThread);
  const bytes = 8 * t.splits * M * N * groups;
  return throughput + latency + (t.splits > 1 ? by.sum + by.byte * bytes : 0);
}
