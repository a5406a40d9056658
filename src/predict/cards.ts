import { RekindleError } from "../errors.ts";
import type { DeviceTraits } from "../kernels/kernel.ts";

/** An RDNA1 card, as its maker and reviewers describe it. */
export interface Card {
  readonly name: string;
  readonly computeUnits: number;
  /** The clock that the maker expects while playing games, and the highest one. */
  readonly gameMHz: number;
  readonly boostMHz: number;
  /** Bandwidth of the card's memory in 10^9 bytes per second, and the width of its bus. */
  readonly memoryGBs: number;
  readonly busBits: number;
  readonly memoryGB: number;
  readonly cacheMiB: number;
}

/**
 * Where the numbers of `cards` come from. Clocks, memory and buses: Scan's table of the RX 5000
 * series; compute units are its shaders divided by 64. L2 caches: 3 MB for the RX 5600 XT
 * (fpsbench.com), 4 MB for the RX 5700 cards (thegamingpcguide.com), 2 MB for Navi 14
 * (fpsbench.com, RX 5500M). None is AMD's own page.
 */
export const cardSources: readonly string[] = [
  "https://www.scan.co.uk/tekspek/gpu-graphics/amd-radeon-rx-5600-xt",
  "https://fpsbench.com/compare/gpu/amd-radeon-rx-5600-xt-vs-amd-radeon-rx-7600-xt",
  "https://www.thegamingpcguide.com/2020/04/radeon-rx-5600-xt-sapphire-graphics.html",
  "https://fpsbench.com/compare/gpu/intel-iris-xe-max-graphics-vs-amd-radeon-rx-5500m",
];

export const cards: readonly Card[] = [
  {
    ...{ name: "RX 5500 XT", computeUnits: 22, gameMHz: 1717, boostMHz: 1845 },
    ...{ memoryGBs: 224, busBits: 128, memoryGB: 8, cacheMiB: 2 },
  },
  {
    ...{ name: "RX 5600 XT", computeUnits: 36, gameMHz: 1375, boostMHz: 1560 },
    ...{ memoryGBs: 288, busBits: 192, memoryGB: 6, cacheMiB: 3 },
  },
  {
    ...{ name: "RX 5700", computeUnits: 36, gameMHz: 1625, boostMHz: 1725 },
    ...{ memoryGBs: 448, busBits: 256, memoryGB: 8, cacheMiB: 4 },
  },
  {
    ...{ name: "RX 5700 XT", computeUnits: 40, gameMHz: 1755, boostMHz: 1905 },
    ...{ memoryGBs: 448, busBits: 256, memoryGB: 8, cacheMiB: 4 },
  },
];

/**
 * The card of a name, whatever the case, with or without "AMD Radeon". Throws "usage" with the
 * names that there are.
 *
 * @example findCard("RX 5600 XT").computeUnits // 36
 */
export function findCard(name: string): Card {
  const plain = (text: string) => text.toLowerCase().replace(/amd|radeon|[^a-z0-9]/g, "");
  const found = cards.find((card) => plain(card.name) === plain(name));
  if (found) return found;
  const names = cards.map((card) => `"${card.name}"`).join(", ");
  throw new RekindleError("usage", `there is no model of the card "${name}"`, {
    fix: `the cards are ${names}`,
  });
}

/**
 * What WebGPU reports of such a card to kernels: as Dawn does of Mesa's RADV for Navi 10, which
 * test/navi10 compares.
 */
export function traitsOfCard(card: Card): DeviceTraits {
  return {
    maxComputeWorkgroupStorageSize: 65_536,
    maxComputeInvocationsPerWorkgroup: 1024,
    maxComputeWorkgroupSizeX: 1024,
    maxComputeWorkgroupsPerDimension: 65_535,
    maxStorageBuffersPerShaderStage: 16,
    maxStorageBufferBindingSize: 4_294_967_292,
    subgroupMinSize: 32,
    subgroupMaxSize: 64,
    cores: card.computeUnits,
    hasF16: true,
    hasSubgroups: true,
    hasSubgroupSizeControl: true,
    architecture: "rdna-1",
    isSoftware: false,
  };
}
