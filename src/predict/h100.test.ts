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

function read(name: string) {
  const file = new URL(`../../bench/results/h100-2026-11-22/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8"));
}

interface MeasuredNetwork {
  readonly batch: number;
  readonly onDeviceMs: { readonly median: number };
}

/** As in bench/predict-check.mjs. */
const submissionMs = 0.15;

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

interface MeasuredTile {
  readonly measured: number;
  readonly predicted: number;
}

function tilesOf({ N, HW, C, K, M, D, res }: MeasuredLayer): MeasuredTile[] {
  const inputBytes = 4 * (D * K + N * C * HW * HW);
  return res.map(([us, tileM, tileN, depth, rows, cols, splits]) => {
    const config = { tileM, tileN, depth, rows, cols, splits } as Readonly<Record<string, number>>;
    const predicted = 1000 * tileTime({ M, N: K, depth: D, inputBytes }, config, h100);
    return { measured: us!, predicted };
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
  // The constants were fitted to the layers of even index.
  const heldOut = (read("tiles") as readonly MeasuredLayer[]).filter((_, i) => i % 2 === 1);
  const errors = errorsOf(heldOut.map(tilesOf));
  tell("held-out layers", errors);
  expect(errors.error).toBeLessThan(0.2);
  expect(Math.abs(Math.log(errors.bias))).toBeLessThan(0.05);
  expect(errors.chosenError).toBeLessThan(0.2);
  expect(errors.loss).toBeLessThan(1.13);
});

test.each([
  ["resnet18", 8],
  ["vgg16", 1],
  ["mobilenet_v2", 8],
])("%s at batch %i comes near what was measured", (name, batch) => {
  const device = {
    ...traitsOfCard(findCard("RX 5700 XT")),
    ...{ maxComputeWorkgroupStorageSize: 49_152, cores: h100.units, architecture: "hopper" },
  };
  const { models: measured } = read(name) as { models: readonly MeasuredNetwork[] };
  const { onDeviceMs } = measured.find((found) => found.batch === batch)!;
  const graph = models.get(name)!.build({ batch });
  const shapes = new Map(graph.inputs.map((x) => [x.name, x.dims as readonly number[]]));
  const typed = optimize(resolve(graph, shapes), { precision: "f32" });
  const predictedMs = predictOn(typed, h100, device).predictedMs + submissionMs;
  expect(Math.abs(Math.log(predictedMs / onDeviceMs.median))).toBeLessThan(Math.log(1.15));
});
