import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { models } from "../models/index.ts";
import { optimize, resolve } from "../passes/index.ts";
import { findCard, traitsOfCard } from "./cards.ts";
import { h100 } from "./machine.ts";
import { predictOn } from "./predict.ts";
import { tileTime } from "./tile-time.ts";

/** A layer with what its tiles took: [microseconds, tileM, tileN, depth, rows, cols, splits]. */
interface MeasuredLayer {
  readonly N: number;
  readonly HW: number;
  readonly C: number;
  readonly K: number;
  readonly M: number;
  readonly D: number;
  readonly res: readonly (readonly number[])[];
}

function read(name: string): readonly MeasuredLayer[] {
  const file = new URL(`../../bench/results/h100-2026-11-21/${name}`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8"));
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

interface MeasuredTile {
  readonly measured: number;
  readonly predicted: number;
  /** Sums that a thread keeps. */
  readonly sums: number;
}

function tilesOf({ N, HW, C, K, M, D, res }: MeasuredLayer): MeasuredTile[] {
  const inputBytes = 4 * (D * K + N * C * HW * HW);
  return res.map(([us, tileM, tileN, depth, rows, cols, splits]) => {
    const config = { tileM, tileN, depth, rows, cols, splits } as Readonly<Record<string, number>>;
    const predicted = 1000 * tileTime({ M, N: K, depth: D, inputBytes }, config, h100);
    return { measured: us!, predicted, sums: rows! * cols! };
  });
}

/** How far predictions are off, and what it costs to trust them in choosing tiles. */
function errorsOf(layers: readonly (readonly MeasuredTile[])[]) {
  const logs = layers.flat().map((tile) => Math.log(tile.predicted / tile.measured));
  const sorted = [...logs].sort((a, b) => a - b);
  const at = (part: number) => Math.exp(sorted[Math.floor(part * sorted.length)]!);
  // Of the tile that the prediction finds fastest: what a session would run.
  const faster = (a: MeasuredTile, b: MeasuredTile) => (b.predicted < a.predicted ? b : a);
  const chosen = layers.map((tiles) => tiles.reduce(faster));
  const best = layers.map((tiles) => Math.min(...tiles.map((tile) => tile.measured)));
  const off = (values: readonly number[]) => Math.exp(mean(values.map(Math.abs))) - 1;
  return {
    tiles: logs.length,
    bias: Math.exp(mean(logs)),
    low: at(0.1),
    high: at(0.9),
    error: off(logs),
    chosenError: off(chosen.map((tile) => Math.log(tile.predicted / tile.measured))),
    loss: Math.exp(mean(chosen.map((tile, i) => Math.log(tile.measured / best[i]!)))),
  };
}

function tell(what: string, e: ReturnType<typeof errorsOf>) {
  const percent = (value: number) => `${(100 * value).toFixed(0)} %`;
  console.log(
    `${what}, ${e.tiles} tiles: predicted / measured ${e.bias.toFixed(2)} in the geometric mean ` +
      `(${e.low.toFixed(2)} to ${e.high.toFixed(2)}), error ${percent(e.error)}; of the chosen ` +
      `tiles ${percent(e.chosenError)}, which take ${e.loss.toFixed(2)} of the best`,
  );
}

test("on layers that were held out of the fit, the error is what the documents say", () => {
  // The constants were fitted to the layers of even index. The first tile of each layer is left
  // out: the clock still rose then.
  const heldOut = read("tiles-one-stage.json").filter((_, i) => i % 2 === 1);
  const errors = errorsOf(heldOut.map((layer) => tilesOf(layer).slice(1)));
  tell("held-out layers", errors);
  expect(errors.error).toBeLessThan(0.28);
  expect(Math.abs(Math.log(errors.bias))).toBeLessThan(0.13);
  expect(errors.chosenError).toBeLessThan(0.18);
  expect(errors.loss).toBeLessThan(1.12);
});

test("for later kernels it is larger, and the largest for what another compiler spills", () => {
  const layers = read("tiles.json").map(tilesOf);
  const small = errorsOf(layers.map((tiles) => tiles.filter((tile) => tile.sums <= 32)));
  tell("later kernels, up to 32 sums in a thread", small);
  tell("later kernels, all", errorsOf(layers));
  expect(small.error).toBeLessThan(0.32);
  expect(small.loss).toBeLessThan(1.2);
});

test("whole networks come near what was measured", () => {
  const device = {
    ...traitsOfCard(findCard("RX 5700 XT")),
    ...{ maxComputeWorkgroupStorageSize: 49_152, cores: h100.units, architecture: "hopper" },
  };
  // Milliseconds on the device: networks.json in the folder above, measured with kernels of before.
  const measured = [
    ["resnet18", 8, 1.45],
    ["mobilenet_v2", 32, 2.0],
  ] as const;
  const logs = measured.map(([name, batch, ms]) => {
    const graph = models.get(name)!.build({ batch });
    const shapes = new Map(graph.inputs.map((x) => [x.name, x.dims as readonly number[]]));
    const typed = optimize(resolve(graph, shapes), { precision: "f32" });
    return Math.log(predictOn(typed, h100, device).predictedMs / ms);
  });
  expect(Math.max(...logs.map(Math.abs))).toBeLessThan(Math.log(2));
  expect(Math.abs(mean(logs))).toBeLessThan(Math.log(1.6));
});
