import { expect, test } from "vitest";
import { gpuTraits } from "../../test/gpu-traits.ts";
import { findCard, traitsOfCard } from "../predict/cards.ts";
import { type Tile, tileFits, tileOf } from "./gemm-tile.ts";
import type { DeviceTraits } from "./kernel.ts";
import type { ProductSize } from "./product-size.ts";
import { tilesFor } from "./tile-choice.ts";

const rdna1 = traitsOfCard(findCard("RX 5600 XT"));
const size: ProductSize = { M: 196, N: 256, depth: 1024, groups: 1, pictures: 1, isHalf: false };

const tiles = (device: DeviceTraits, of = size): Tile[] => tilesFor(of, device).map(tileOf);
const shape = ({ wave: _wave, ...tile }: Tile): string => JSON.stringify(tile);

test("where shaders may ask for 32 or 64 lanes, every tile can be tried in both", () => {
  for (const device of [rdna1, { ...gpuTraits, hasSubgroupSizeControl: true }]) {
    const found = tiles(device);
    expect(found[0]!.wave).toBe(device === rdna1 ? 32 : undefined);
    const wavesOf = (tile: Tile) =>
      found.filter((other) => shape(other) === shape(tile)).map(({ wave }) => wave);
    for (const tile of found) expect(wavesOf(tile)).toEqual(expect.arrayContaining([32, 64]));
    expect(new Set(found.map((tile) => JSON.stringify(tile))).size).toBe(found.length);
    expect(shape(found[1]!)).toBe(shape(found[0]!));
  }
});

test("elsewhere no tile asks, and what was stored with such a wish is not taken", () => {
  for (const device of [gpuTraits, { ...rdna1, hasSubgroupSizeControl: false }]) {
    expect(tiles(device).some(({ wave }) => wave !== undefined)).toBe(false);
    const stored: Tile = { ...tiles(device)[0]!, wave: 64 };
    expect(tileFits(stored, device)).toMatch(/64 lanes that run together/);
  }
  const always32 = { ...rdna1, subgroupMaxSize: 32 };
  expect(tiles(always32).every(({ wave }) => wave === 32)).toBe(true);
});

test("sums are split where results are small, and never for large results of pictures", () => {
  const splits = (of: ProductSize) => new Set(tiles(gpuTraits, of).map((tile) => tile.splits));
  expect([...splits(size)]).toEqual(expect.arrayContaining([1, 2, 4, 8, 16]));
  const large = { ...size, M: 784 };
  expect([...splits(large)]).toEqual([1]);
  expect(splits({ ...large, pictures: 2 }).size).toBeGreaterThan(1);
  const { pictures: _none, ...product } = large;
  expect(splits(product).size).toBeGreaterThan(1);
  expect([...splits({ ...size, depth: 16 })]).toEqual([1]);
});
