import type { Tile } from "./gemm-tile.ts";
import type { ProductSize } from "./product-size.ts";

/** A tile with what Mesa's compiler makes of it for gfx1010; the tier navi10 compares. */
export interface Rdna1Tile extends Tile {
  /** Waves of 32 lanes that a SIMD has room for, at least. */
  readonly wavesPerSimd: number;
  /** Clocks of multiplication of all clocks of the loop, at least; 0 to 1. */
  readonly issueRate: number;
}

const tile = (
  half: boolean,
  [tileM, tileN, depth]: readonly [number, number, number],
  [rows, cols]: readonly [number, number],
  wavesPerSimd: number,
  issueRate: number,
): Rdna1Tile => ({
  ...{ tileM, tileN, depth, rows, cols, half, wavesPerSimd, issueRate },
  ...{ wave: 32, stages: 2, unroll: true, splits: 1 },
});

/**
 * Tiles of float32 products for RDNA1 cards, from large to small. In all but the last, at least
 * 92 % of the loop's vector instructions are multiplications, in a 1x1 and in a 3x3 convolution,
 * and at least 8 waves of 32 lanes find room on a SIMD; in waves of 64 lanes, sums of 8x8 leave
 * room for 4 waves only, for lack of registers. Two slices in turn, for with one the compiler
 * waits for loads where they are issued.
 */
export const rdna1Tiles: readonly Rdna1Tile[] = [
  tile(false, [128, 128, 8], [8, 8], 8, 0.96),
  tile(false, [64, 128, 8], [8, 8], 8, 0.95),
  tile(false, [128, 64, 8], [8, 8], 8, 0.91),
  tile(false, [64, 128, 16], [8, 4], 9, 0.95),
  tile(false, [64, 64, 8], [4, 8], 10, 0.92),
  tile(false, [64, 64, 16], [4, 4], 12, 0.92),
  tile(false, [32, 64, 16], [4, 4], 9, 0.91),
  tile(false, [32, 32, 8], [4, 4], 12, 0.85),
];

/**
 * Tiles of products that are multiplied in float16, two at a time, and added up in float32. Deep
 * slices, for every slice's sums cost as many instructions as four of its columns; sums of 8x8 do
 * not find room. In the largest, `v_pk_fma_f16` is at least 85 % of all vector instructions.
 */
export const rdna1HalfTiles: readonly Rdna1Tile[] = [
  tile(true, [128, 128, 32], [8, 4], 8, 0.88),
  tile(true, [64, 128, 32], [8, 4], 8, 0.86),
  tile(true, [64, 64, 16], [8, 4], 8, 0.79),
  tile(true, [32, 64, 32], [4, 4], 8, 0.81),
  tile(true, [32, 64, 16], [4, 4], 16, 0.69),
  tile(true, [32, 32, 16], [4, 4], 12, 0.6),
];

/**
 * What `rdna1Cycles` is made of, in clocks of about 1.5 GHz: the constants of predict/, fitted on
 * an H100, where they could be.
 */
const assumed = {
  simds: 2,
  /** Barriers and the first reads of workgroup memory, of a slice. */
  slice: 243,
  /** Before and after the loop: the stores, above all. */
  start: 900,
  /** The part of the smaller of throughput and latency that adds to the larger. */
  mix: 0.308,
  /** Of the second dispatch of a split sum, and for each byte that it moves. */
  sum: 6750,
  byte: 1 / 400,
};

/**
 * Estimated time of a product in tiles on an RDNA1 card with `cores` compute units, in clocks: what
 * the busiest unit takes for its workgroups, as many side by side as find room, and for the second
 * dispatch where sums are split (docs/performance-model.md).
 */
export function rdna1Cycles(t: Rdna1Tile, size: ProductSize, cores: number): number {
  const { M, N, depth, groups, taps = 0 } = size;
  const tiles = groups * Math.ceil(M / t.tileM) * Math.ceil(N / t.tileN);
  const perUnit = Math.ceil((tiles * t.splits) / cores);
  const waves = (t.tileM * t.tileN) / (t.rows * t.cols) / 32;
  const room = Math.max(1, Math.floor((t.wavesPerSimd * assumed.simds) / waves));
  const slices = Math.ceil(Math.ceil(depth / t.depth) / t.splits);
  // What makes A is multiplied in float32.
  const each = 1 / (t.half ? 2 : 1) + taps / t.tileN;
  const alone = (t.rows * t.cols * t.depth * each) / t.issueRate;
  const round = (resident: number) => {
    if (resident === 0) return 0;
    const throughput = Math.max(1, (resident * waves) / assumed.simds) * alone;
    const latency = alone + assumed.slice;
    const slice = Math.max(throughput, latency) + assumed.mix * Math.min(throughput, latency);
    return slices * slice + assumed.start;
  };
  const full = Math.min(room, perUnit);
  const clocks = Math.floor(perUnit / full) * round(full) + round(perUnit % full);
  const partBytes = 4 * (2 * t.splits + 1) * M * N * groups;
  return clocks + (t.splits > 1 ? assumed.sum + assumed.byte * partBytes : 0);
}
