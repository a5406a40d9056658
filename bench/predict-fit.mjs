// Fits what no data sheet tells of the performance model (src/predict/dispatch-time.ts, and the
// rates of the H100 in machine.ts) to the layers of even index of a sweep of tiles, and tells the
// error on the others. The build must be up to date.
//
//   node bench/predict-fit.mjs [bench/results/h100-2026-11-22/tiles.json] [--rounds 12000]
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { repeated } from "../dist/predict/dispatch-time.js";
import { h100 } from "../dist/predict/machine.js";
import { tileTime } from "../dist/predict/tile-time.js";
import { search } from "./search.mjs";

const { values, positionals } = parseArgs({
  options: { rounds: { type: "string", default: "12000" } },
  allowPositionals: true,
});
const file = positionals[0] ?? "bench/results/h100-2026-11-22/tiles.json";
const layers = JSON.parse(readFileSync(file, "utf8")).map(({ N, HW, C, K, M, D, res }) => {
  const problem = { M, N: K, depth: D, inputBytes: 4 * (D * K + N * C * HW * HW) };
  return res.map(([us, tileM, tileN, depth, rows, cols, splits]) => {
    return { us, problem, config: { tileM, tileN, depth, rows, cols, splits } };
  });
});

const { exposed, ...latencies } = repeated;
const { cacheRate, sharedRate, tileOverhead } = h100;
const start = { ...latencies, cacheRate, sharedRate, tileOverhead };
const mean = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length;

function judge(by, among) {
  const { cacheRate, sharedRate, tileOverhead, ...latencies } = by;
  const machine = { ...h100, cacheRate, sharedRate, tileOverhead };
  const off = [];
  const losses = [];
  for (const tiles of among) {
    const best = Math.min(...tiles.map(({ us }) => us));
    let [least, chosen] = [Number.POSITIVE_INFINITY, best];
    for (const { us, problem, config } of tiles) {
      const predicted = 1e3 * tileTime(problem, config, machine, { ...latencies, exposed });
      off.push(Math.log(predicted / us));
      if (predicted < least) [least, chosen] = [predicted, us];
    }
    losses.push(Math.log(chosen / best));
  }
  const error = mean(off.map(Math.abs));
  return { cost: error + mean(losses), error, bias: mean(off), loss: mean(losses) };
}

const percent = (log) => `${(100 * (Math.exp(log) - 1)).toFixed(0)} %`;
const tell = (what, { error, bias, loss }) =>
  console.log(
    `${what}: error ${percent(error)}, predicted / measured ${Math.exp(bias).toFixed(2)}, the ` +
      `chosen tiles take ${percent(loss)} longer than the best`,
  );
const even = layers.filter((_, i) => i % 2 === 0);
const odd = layers.filter((_, i) => i % 2 === 1);
tell("as it is, all layers", judge(start, layers));
const { best, result } = search(start, (by) => judge(by, even), { rounds: Number(values.rounds) });
tell("fitted, the layers fitted to", result);
tell("fitted, the others", judge(best, odd));
for (const [key, value] of Object.entries(best)) console.log(`  ${key}: ${value.toPrecision(3)}`);
