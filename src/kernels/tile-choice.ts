import { type Tile, threadsOf } from "./gemm-tile.ts";
import { type GpuTile, gpuCycles, gpuTiles } from "./gpu-tiles.ts";
import type { Config, DeviceTraits, Problem } from "./kernel.ts";
import type { ProductSize } from "./product-size.ts";
import { type Rdna1Tile, rdna1Cycles, rdna1HalfTiles, rdna1Tiles } from "./rdna1-tiles.ts";

/** Emulated GPUs compile for seconds: one small tile, loops left as loops. */
const softwareTiles: readonly Tile[] = [
  {
    ...{ tileM: 32, tileN: 32, depth: 8, rows: 4, cols: 4 },
    ...{ stages: 1, unroll: false, half: false, splits: 1 },
  },
];

/** Whether both operands of a product or a convolution are float16. */
export const isHalf = ({ inputs }: Problem): boolean =>
  inputs.slice(0, 2).every((type) => type?.dtype === "float16");

/** The tiles for a product, and splits that make sense, in order of their estimated time. */
export function tilesFor(size: ProductSize, device: DeviceTraits): readonly Config[] {
  const all = tilesOf(size, device).flatMap((t) => [t, ...inOtherWaves(t, device)]);
  return all as readonly unknown[] as readonly Config[];
}

/** The tile in 32 and 64 lanes that run together, where shaders may ask for either: to be tried. */
function inOtherWaves(t: Tile, device: DeviceTraits): Tile[] {
  const { hasSubgroupSizeControl, subgroupMinSize: least, subgroupMaxSize: most } = device;
  if (!hasSubgroupSizeControl || least > 32 || most < 64) return [];
  const waves = ([32, 64] as const).filter((wave) => wave !== t.wave && wave <= threadsOf(t));
  return waves.map((wave) => ({ ...t, wave }));
}

function tilesOf(size: ProductSize, device: DeviceTraits): readonly Tile[] {
  if (device.isSoftware) return softwareTiles;
  const half = size.isHalf && device.multipliesHalf === true;
  if (device.architecture === "rdna-1") {
    const tiles = half ? rdna1HalfTiles : rdna1Tiles;
    return ordered(tiles, size, device, rdna1Cycles).map((t) => rdna1Config(t, device));
  }
  const able = size.taps === undefined ? gpuTiles : gpuTiles.filter((t) => t.overlapOfComputed);
  const tiles = able.map((t) => ({ ...t, half }));
  return ordered(tiles, size, device, gpuCycles).map(gpuConfig);
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

/** The tile alone. */
function gpuConfig({ overlap: _overlap, overlapOfComputed: _computed, ...tile }: GpuTile): Tile {
  return tile;
}

/** The tile alone, with what it asks of lanes where shaders may ask. */
function rdna1Config(t: Rdna1Tile, { hasSubgroupSizeControl }: DeviceTraits): Tile {
  const { wave, wavesPerSimd: _waves, issueRate: _rate, ...tile } = t;
  return { ...tile, ...(hasSubgroupSizeControl && wave && { wave }) };
}

/** Larger results of a picture are not split, for the parts would be its largest values. */
const splitBytesMax = 2 ** 19;
const partBytesMax = 4 * 2 ** 20;

/** Parts to cut the sum into: only while workgroups are few and every part has some slices. */
function splitsOf(t: Tile, { M, N, depth, groups, pictures }: ProductSize): number[] {
  const tiles = groups * Math.ceil(M / t.tileM) * Math.ceil(N / t.tileN);
  const slices = Math.ceil(depth / t.depth);
  const bytes = 4 * M * N * groups;
  const isSound = (splits: number) =>
    tiles * splits <= 1100 &&
    slices >= 2 * splits &&
    (pictures === undefined || bytes <= splitBytesMax * pictures) &&
    splits * bytes <= partBytesMax * (pictures ?? 1);
  return [1, 2, 4, 8, 16].filter((splits) => splits === 1 || isSound(splits));
}
