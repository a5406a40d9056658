import type { Card } from "./cards.ts";

/** What the model knows of a GPU. Rates are of the clock that the prediction assumes. */
export interface Machine {
  readonly name: string;
  /** Compiled code of gfx1010 is what it runs. */
  readonly isRdna1: boolean;
  /** Compute units or streaming multiprocessors; SIMDs in each, of 32 lanes. */
  readonly units: number;
  readonly simds: number;
  /** Clocks per second that are expected, and at most. */
  readonly hertz: number;
  readonly hertzMax: number;
  /** Operations of a lane in a clock on float16, as against float32. */
  readonly f16Rate: 1 | 2;
  /** Bytes per second of the memory, at most. */
  readonly memoryRate: number;
  /** The last cache: bytes; bytes per second that kernels get, and at most. */
  readonly cacheBytes: number;
  readonly cacheRate: number;
  readonly cacheRateMax: number;
  /** Bytes a clock that a unit moves to and from workgroup memory, and loads from its cache. */
  readonly sharedRate: number;
  readonly loadRate: number;
  /** Vector instructions beside a tile's multiplications, for each load of workgroup memory. */
  readonly tileOverhead: number;
  /** Workgroup memory of a unit in bytes. */
  readonly sharedBytes: number;
}

/** Of a cache's or a memory's highest rate, what kernels get. */
const cacheEfficiency = 0.5;

/** Bytes a clock of each of the cache's slices; there is one for every 16 bits of the bus. */
const sliceRate = 64;

/**
 * An RDNA1 card. Two SIMDs of 32 lanes in a compute unit; workgroup memory moves 128 bytes a clock
 * and the nearest cache 64: AMD, "RDNA architecture" white paper, 2019. That half of the L2's rate
 * reaches kernels is an assumption; on an H100 a third fits.
 */
export function machineOfCard(card: Card): Machine {
  const hertz = card.gameMHz * 1e6;
  const hertzMax = card.boostMHz * 1e6;
  const cacheClockRate = (card.busBits / 16) * sliceRate;
  return {
    name: card.name,
    isRdna1: true,
    units: card.computeUnits,
    simds: 2,
    hertz,
    hertzMax,
    f16Rate: 2,
    memoryRate: card.memoryGBs * 1e9,
    cacheBytes: card.cacheMiB * 2 ** 20,
    cacheRate: cacheClockRate * hertz * cacheEfficiency,
    cacheRateMax: cacheClockRate * hertzMax,
    sharedRate: 128,
    loadRate: 64,
    tileOverhead: 0.4,
    sharedBytes: 65_536,
  };
}

/**
 * The GPU on which the method is checked. 132 multiprocessors of four SIMDs, 1980 MHz at most,
 * 3.35 TB/s and 50 MB of L2: NVIDIA, "H100 Tensor Core GPU" data sheet and white paper, 2022. The
 * rates of the L2 and of workgroup memory, which serves lanes that read the same place together,
 * are fitted (docs/performance-model.md).
 */
export const h100: Machine = {
  name: "H100",
  isRdna1: false,
  units: 132,
  simds: 4,
  hertz: 1.98e9,
  hertzMax: 1.98e9,
  f16Rate: 2,
  memoryRate: 3.35e12,
  cacheBytes: 50e6,
  cacheRate: 1.66e12,
  cacheRateMax: 5.2e12,
  sharedRate: 140,
  loadRate: 64,
  tileOverhead: 1.49,
  sharedBytes: 227 * 1024,
};
