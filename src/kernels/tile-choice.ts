import { type Tile, threadsOf } from "./gemm-tile.ts";
import type { Config, DeviceTraits, Problem } from "./kernel.ts";
import { type Rdna1Tile, rdna1Cycles, rdna1HalfTiles, rdna1Tiles } from "./rdna1-tiles.ts";

const tile = (
  [tileM, tileN, depth]: readonly [number, number, number],
  [rows, cols]: readonly [number, number],
  stages: 1 | 2,
): Tile => {
  // The driver writes short loops out by itself, and compiles them sooner.
  const unroll = rows * cols > 32;
  return { tileM, tileN, depth, rows, cols, stages, unroll, half: false, splits: 1 };
};

/** From large (few loads for each multiplication) to small (work for many cores). */
const gpuTiles: readonly Tile[] = [
  tile([128, 64, 8], [8, 8], 2),
  tile([64, 128, 8], [8, 8], 2),
  tile([64, 64, 16], [8, 4], 1),
  tile([64, 64, 16], [4, 8], 1),
  tile([64, 32, 16], [8, 4], 1),
  tile([32, 64, 16], [4, 8], 1),
  tile([32, 32, 16], [4, 4], 1),
  tile([32, 32, 16], [4, 4], 2),
  tile([32, 32, 32], [4, 4], 1),
];

/** Emulated GPUs compile for seconds: one small tile, loops left as loops. */
const softwareTiles: readonly Tile[] = [{ ...tile([32, 32, 8], [4, 4], 1), unroll: false }];

/** A matrix product's sizes: `groups` of them, each M x N with sums of length `depth`. */
export interface ProductSize {
  readonly M: number;
  readonly N: number;
  readonly depth: number;
  readonly groups: number;
  /** Both operands are float16. */
  readonly isHalf: boolean;
  /** Multiplications that make an element of A as it is loaded; left out: it is in memory. */
  readonly taps?: number;
}

/** Whether both operands of a product or a convolution are float16. */
export const isHalf = ({ inputs }: Problem): boolean =>
  inputs.slice(0, 2).every((type) => type?.dtype === "float16");

/** The tiles for a product, and splits that make sense, in order of their estimated time. */
export function tilesFor(size: ProductSize, device: DeviceTraits): readonly Config[] {
  return tilesOf(size, device) as readonly unknown[] as readonly Config[];
}

function tilesOf(size: ProductSize, device: DeviceTraits): readonly Tile[] {
  if (device.isSoftware) return softwareTiles;
  const half = size.isHalf && device.multipliesHalf === true;
  if (device.architecture === "rdna-1") {
    const tiles = half ? rdna1HalfTiles : rdna1Tiles;
    return ordered(tiles, size, device, rdna1Cycles).map((t) => rdna1Config(t, device));
  }
  const tiles = gpuTiles.map((t) => ({ ...t, half }));
  return ordered(tiles, size, device, estimateCycles);
}

/** Every tile with the splits that make sense for it, the shortest estimate first. */
function ordered<T extends Tile>(
  tiles: readonly T[],
  size: ProductSize,
  device: DeviceTraits,
  cyclesOf: (t: T, size: ProductSize, cores: number) => number,
): T[] {
  return tiles
    .flatMap((t) => splitsOf(t, size).map((splits) => ({ ...t, splits })))
    .map((t) => ({ t, cycles: cyclesOf(t, size, device.cores) }))
    .sort((a, b) => a.cycles - b.cycles)
    .map(({ t }) => t);
}

/** The tile alone, with what it asks of lanes where shaders may ask. */
function rdna1Config(t: Rdna1Tile, { hasSubgroupSizeControl }: DeviceTraits): Tile {
  const { wave, wavesPerSimd: _waves, issueRate: _rate, ...tile } = t;
  return { ...tile, ...(hasSubgroupSizeControl && wave && { wave }) };
}

/** What the parts of a split sum may take; small beside the activations of a network. */
const partBytesMax = 4 * 2 ** 20;

/** Parts to cut the sum into: only while workgroups are few and every part has some slices. */
function splitsOf(t: Tile, { M, N, depth, groups }: ProductSize): number[] {
  const tiles = groups * Math.ceil(M / t.tileM) * Math.ceil(N / t.tileN);
  const slices = Math.ceil(depth / t.depth);
  const isSound = (splits: number) =>
    tiles * splits <= 1100 && slices >= 2 * splits && 4 * splits * M * N * groups <= partBytesMax;
  return [1, 2, 4, 8, 16].filter((splits) => splits === 1 || isSound(splits));
}

/**
 * What the model is made of, fitted to 47 layers of ResNet-50, VGG-16 and MobileNetV2 with these
 * tiles (32x64 with two slices, which takes as long) and up to 5 splits each on an H100: its
 * choices take 9 % longer than the best of 15 tiles in the geometric mean
 * (`node bench/tile-choice.mjs`).
 */
const fitted = {
  /** Loads from workgroup memory for each multiplication, as against 1 / rows + 1 / cols. */
  load: 0.758,
  /** Workgroups that hide each other's latency on a core: with tiles of 4x4 or 8x4, and of 8x8. */
  overlap: 2.04,
  overlapLarge: 1.4,
  /** Cycles of latency of a slice: those of its barriers and loads, and for each multiplication. */
  slice: 144,
  multiplication: 0.522,
  /** The part of a slice's latency that two slices in memory leave. */
  twoStages: 0.464,
  /** The part of the smaller of throughput and latency that adds to the larger. */
  mix: 0.578,
  /** Cycles of the second dispatch of a split sum, and for each byte of its parts. */
  sum: 7_900,
  byte: 0.00049,
};

/**
 * With two slices, and in one tile without: its products take as long with one slice and the loop
 * left to the driver as with two and the loop written out, which takes longer to compile.
 */
const hidesLatency = (t: Tile): boolean => t.stages === 2 || (t.tileM === 32 && t.cols === 8);

/** Multiplications that a core starts in a cycle. */
const lanes = 128;

/**
 * Estimated time of a tiled product on a device of `cores` cores, in cycles: the larger of what
 * arithmetic and latency of the busiest core ask for, and a part of the smaller.
 */
function estimateCycles(t: Tile, size: ProductSize, cores: number) {
  const { M, N, depth, groups, taps = 0 } = size;
  const tiles = groups * Math.ceil(M / t.tileM) * Math.ceil(N / t.tileN);
  const rounds = Math.ceil((tiles * t.splits) / cores);
  const slices = Math.ceil(Math.ceil(depth / t.depth) / t.splits);
  const loads = 1 + fitted.load * (1 / t.rows + 1 / t.cols);
  const perThread = (t.tileM * (t.tileN + taps) * t.depth) / threadsOf(t);
  const throughput = (rounds * slices * perThread * threadsOf(t) * loads) / lanes;
  const overlap = t.rows * t.cols >= 64 ? fitted.overlapLarge : fitted.overlap;
  const wait = fitted.slice * (hidesLatency(t) ? fitted.twoStages : 1);
  const latency =
    Math.ceil(rounds / overlap) * slices * (wait + fitted.multiplication * perThread * loads);
  const both = Math.max(throughput, latency) + fitted.mix * Math.min(throughput, latency);
  const bytes = 8 * t.splits * M * N * groups;
  return both + (t.splits > 1 ? fitted.sum + fitted.byte * bytes : 0);
}
