import { beforeAll, describe, expect, test } from "vitest";
import { convGemm } from "../src/kernels/conv-gemm.ts";
import { convWinograd } from "../src/kernels/conv-winograd.ts";
import type { Config, Kernel, Problem } from "../src/kernels/kernel.ts";
import { type Rdna1Tile, rdna1HalfTiles, rdna1Tiles } from "../src/kernels/rdna1-tiles.ts";
import { problemsOf } from "../src/session/plan.ts";
import { buildOptions } from "../src/tunings/shader-hash.ts";
import { type Navi10, openNavi10 } from "../tools/navi10/compile.ts";
import { type Figures, figuresOf } from "../tools/navi10/figures.ts";
import { networkGraph } from "../tools/navi10/variants.ts";
import { root } from "./sources.ts";

let navi10: Navi10;
const layers = new Map<string, Problem>();

beforeAll(async () => {
  navi10 = await openNavi10(root);
  for (const precision of ["f32", "f16"] as const) {
    const problems = problemsOf(networkGraph("resnet50", 8, precision)).map((n) => n.problem);
    const find = (...filters: number[]) =>
      problems.find((p) => `${p.inputs[1]?.dims}` === `${filters}` && p.outputs[0]!.dims[1]! >= 28);
    layers.set(`1x1 ${precision}`, find(64, 256, 1, 1)!);
    layers.set(`3x3 ${precision}`, find(128, 128, 3, 3)!);
  }
  return () => navi10.close();
});

/** The figures of a tile in a layer; of Winograd's three shaders, the product's. */
async function figures(kernel: Kernel, layer: string, tile: Rdna1Tile): Promise<Figures> {
  const problem = layers.get(`${layer} ${tile.half ? "f16" : "f32"}`)!;
  const config = { ...tile, outputs: 4, chunkMebibytes: 24 } as unknown as Config;
  expect(kernel.fits(config, problem, navi10.gpu.traits)).toBe(true);
  const { dispatches } = kernel.build(problem, config, buildOptions(navi10.gpu.traits));
  const { wgsl, label } = dispatches.find((d) => /\d+x\d+x\d+/.test(d.label))!;
  return figuresOf(await navi10.compile(wgsl, label));
}

/** Multiplications in all clocks of the loop: two at a time in float16. */
function rateOf({ half }: Rdna1Tile, { wave, hot }: Figures): number {
  const pairs = (hot.fma + hot.packed) / (half ? 2 : 1);
  return (pairs * wave) / 32 / Math.max(hot.vectorClocks, hot.sharedClocks);
}

const nameOf = (t: Rdna1Tile) => `${t.tileM}x${t.tileN}x${t.depth} by ${t.rows}x${t.cols}`;
const named = (tiles: readonly Rdna1Tile[]) => tiles.map((tile) => [nameOf(tile), tile] as const);

/** Winograd's products are float32 whatever the network is. */
const uses = ({ half }: Rdna1Tile) =>
  [
    [convGemm, "1x1"],
    [convGemm, "3x3"],
    ...(half ? [] : [[convWinograd, "3x3"] as const]),
  ] as const;

async function expectSound(tile: Rdna1Tile) {
  for (const [kernel, layer] of uses(tile)) {
    const f = await figures(kernel, layer, tile);
    const what = `${kernel.name} ${layer}`;
    expect([f.spills, f.scratchBytes, f.hot.exposedWaits], what).toEqual([0, 0, 0]);
    expect(f.wavesPerSimd, what).toBeGreaterThanOrEqual(tile.wavesPerSimd);
    expect(rateOf(tile, f), what).toBeGreaterThanOrEqual(tile.issueRate);
  }
}

describe("float32 tiles for RDNA1", () => {
  // The smallest serves what is too small for a loop to matter.
  test.each(named(rdna1Tiles.slice(0, -1)))("%s: 92 %% FMA, 8 waves", async (_, tile) => {
    for (const layer of ["1x1", "3x3"]) {
      const { wave, wavesPerSimd, hot } = await figures(convGemm, layer, tile);
      expect(hot.fmaShare, layer).toBeGreaterThanOrEqual(0.92);
      expect([wave, wavesPerSimd >= 8], layer).toEqual([32, true]);
    }
  });

  test.each(named(rdna1Tiles))("%s: no spill, no bare wait, as its table says", (_, tile) =>
    expectSound(tile),
  );
});

describe("float16 tiles for RDNA1", () => {
  test("the largest does 85 % of its work in v_pk_fma_f16, with 8 waves", async () => {
    for (const layer of ["1x1", "3x3"]) {
      const { wave, wavesPerSimd, hot } = await figures(convGemm, layer, rdna1HalfTiles[0]!);
      expect(hot.packedShare, layer).toBeGreaterThanOrEqual(0.85);
      expect([wave, wavesPerSimd >= 8], layer).toEqual([32, true]);
    }
  });

  test.each(named(rdna1HalfTiles))("%s: no spill, no bare wait, as its table says", (_, tile) =>
    expectSound(tile),
  );
});
