import { beforeAll, describe, expect, test } from "vitest";
import { convGemm } from "../src/kernels/conv-gemm.ts";
import { convWinograd } from "../src/kernels/conv-winograd.ts";
import type { Config, Kernel, Problem } from "../src/kernels/kernel.ts";
import { type Rdna1Tile, rdna1Tiles } from "../src/kernels/rdna1-tiles.ts";
import { problemsOf } from "../src/session/plan.ts";
import { type Navi10, openNavi10 } from "../tools/navi10/compile.ts";
import { type Figures, figuresOf } from "../tools/navi10/figures.ts";
import { networkGraph } from "../tools/navi10/variants.ts";
import { root } from "./sources.ts";

let navi10: Navi10;
const layers = new Map<string, Problem>();

beforeAll(async () => {
  navi10 = await openNavi10(root);
  const problems = problemsOf(networkGraph("resnet50", 1, "f32")).map(({ problem }) => problem);
  const find = (...filters: number[]) =>
    problems.find((p) => `${p.inputs[1]?.dims}` === `${filters}` && p.outputs[0]!.dims[1]! >= 28)!;
  layers.set("1x1", find(64, 256, 1, 1));
  layers.set("3x3", find(128, 128, 3, 3));
  return () => navi10.gpu.destroy();
});

/** The figures of a tile in a layer; of Winograd's three shaders, the product's. */
async function figures(kernel: Kernel, layer: string, tile: Rdna1Tile): Promise<Figures> {
  const problem = layers.get(layer)!;
  const config = { ...tile, chunkMebibytes: 24 } as unknown as Config;
  expect(kernel.fits(config, problem, navi10.gpu.traits)).toBe(true);
  const { dispatches } = kernel.build(problem, config, { specialize: true });
  const { wgsl, label } = dispatches.find((d) => /\d+x\d+x\d+/.test(d.label))!;
  return figuresOf(await navi10.compile(wgsl, label));
}

const nameOf = (t: Rdna1Tile) => `${t.tileM}x${t.tileN}x${t.depth} by ${t.rows}x${t.cols}`;
const cases = rdna1Tiles.map((tile) => [nameOf(tile), tile] as const);
/** The smallest serves what is too small for a loop to matter. */
const mainLoops = cases.slice(0, -1);

describe("float32 tiles for RDNA1", () => {
  test.each(mainLoops)("%s: multiplies nearly always, 8 waves or more", async (_, tile) => {
    for (const layer of ["1x1", "3x3"]) {
      const { wave, wavesPerSimd, hot } = await figures(convGemm, layer, tile);
      expect(hot.fmaShare, layer).toBeGreaterThanOrEqual(0.92);
      expect([wave, wavesPerSimd >= 8], layer).toEqual([32, true]);
    }
  });

  test.each(cases)("%s: no spill, no bare wait, and as its table says", async (_, tile) => {
    for (const [kernel, layer] of [
      [convGemm, "1x1"],
      [convGemm, "3x3"],
      [convWinograd, "3x3"],
    ] as const) {
      const { spills, scratchBytes, wavesPerSimd, hot } = await figures(kernel, layer, tile);
      const what = `${kernel.name} ${layer}`;
      expect([spills, scratchBytes, hot.exposedWaits], what).toEqual([0, 0, 0]);
      expect(wavesPerSimd, what).toBeGreaterThanOrEqual(tile.wavesPerSimd);
      expect(hot.issueBound, what).toBeGreaterThanOrEqual(tile.issueRate);
    }
  });
});
