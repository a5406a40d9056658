import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { h100 } from "./machine.ts";
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

const file = new URL("../../bench/results/h100-2026-11-21/tiles.json", import.meta.url);
const layers = JSON.parse(readFileSync(file, "utf8")) as readonly MeasuredLayer[];
/** The constants were fitted to the layers of even index. */
const heldOut = layers.filter((_, i) => i % 2 === 1);

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Each measured tile of a layer, without the first: the clock still rose then. */
function ratiosOf({ N, HW, C, K, M, D, res }: MeasuredLayer) {
  const inputBytes = 4 * (D * K + N * C * HW * HW);
  return res.slice(1).map(([us, tileM, tileN, depth, rows, cols, splits]) => {
    const config = { tileM, tileN, depth, rows, cols, splits } as Readonly<Record<string, number>>;
    const predicted = 1000 * tileTime({ M, N: K, depth: D, inputBytes }, config, h100);
    return { measured: us!, predicted, ratio: predicted / us! };
  });
}

test("on an H100 the method's error is what docs/performance-model.md says", () => {
  const ratios = heldOut.flatMap((layer) => ratiosOf(layer).map(({ ratio }) => ratio));
  const sorted = [...ratios].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor(part * sorted.length)]!;
  const error = Math.exp(mean(ratios.map((r) => Math.abs(Math.log(r))))) - 1;
  const bias = Math.exp(mean(ratios.map(Math.log)));
  // Of the tile that the prediction finds fastest: what a session would run.
  const chosen = heldOut.map((layer) => {
    const tiles = ratiosOf(layer);
    const fastest = tiles.reduce((a, b) => (b.predicted < a.predicted ? b : a));
    const best = Math.min(...tiles.map((tile) => tile.measured));
    return { ratio: fastest.ratio, loss: fastest.measured / best };
  });
  const chosenError = Math.exp(mean(chosen.map(({ ratio }) => Math.abs(Math.log(ratio))))) - 1;
  const loss = Math.exp(mean(chosen.map((c) => Math.log(c.loss))));
  console.log(
    `${ratios.length} tiles of ${heldOut.length} held-out layers: predicted / measured ` +
      `${bias.toFixed(2)} in the geometric mean (${at(0.1).toFixed(2)} to ${at(0.9).toFixed(2)}), ` +
      `error ${(100 * error).toFixed(0)} %; of the tiles that it chooses ` +
      `${(100 * chosenError).toFixed(0)} %, which take ${loss.toFixed(2)} of the best`,
  );
  expect(error).toBeLessThan(0.28);
  expect(Math.abs(Math.log(bias))).toBeLessThan(0.13);
  expect(chosenError).toBeLessThan(0.18);
  expect(loss).toBeLessThan(1.12);
});
