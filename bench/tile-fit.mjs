// Fits the estimate that chooses tiles (src/kernels/gpu-tiles.ts) to measured layers: the shared
// constants, and how far workgroups of each tile hide each other's latency. The build must be up
// to date.
//
//   node bench/tile-fit.mjs [bench/results/h100-2026-11-22/tiles.json] [--cores 132] [--seed 1]
//                           [--rounds 8000]
//
// Prints what it found, and how much longer the choices take than the best: of the layers that it
// was fitted to, and of each third of them when fitted to the two others. The search is by chance
// (search.mjs), and seeds differ: take the best of a few.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { fitted, gpuCycles, gpuTiles } from "../dist/kernels/gpu-tiles.js";
import { tilesFor } from "../dist/kernels/tile-choice.js";
import { search } from "./search.mjs";

const { values, positionals } = parseArgs({
  options: {
    cores: { type: "string", default: "132" },
    seed: { type: "string", default: "1" },
    rounds: { type: "string", default: "8000" },
  },
  allowPositionals: true,
});
const file = positionals[0] ?? "bench/results/h100-2026-11-22/tiles.json";
const cores = Number(values.cores);

const shapeOf = (t) => [t.tileM, t.tileN, t.depth, t.rows, t.cols, t.stages].join();
/** Each layer with the measured times, in cycles, of what may be chosen for it. */
const layers = JSON.parse(readFileSync(file, "utf8")).map(({ N, M, K, D, res }) => {
  const size = { M, N: K, depth: D, groups: 1, pictures: N };
  const times = new Map(res.map(([us, ...tile]) => [tile.join(), us * 1700]));
  const options = tilesFor(size, { isSoftware: false, cores }).flatMap((t) => {
    const { tileM, tileN, depth, rows, cols, splits, stages } = t;
    const measured = times.get([tileM, tileN, depth, rows, cols, splits, stages].join());
    const index = gpuTiles.findIndex((known) => shapeOf(known) === shapeOf(t));
    return measured === undefined ? [] : [{ t, index, measured }];
  });
  return { size, options, best: Math.min(...options.map(({ measured }) => measured)) };
});

/** `base`: cycles of a dispatch that does nothing, which no choice depends on. */
const { tap, ...shared } = fitted;
const start = { ...shared, base: 8000 };
gpuTiles.forEach(({ overlap }, i) => {
  start[i] = overlap;
});

function judge(by, among) {
  let [loss, worst, square, count] = [0, 0, 0, 0];
  const constants = { ...by, tap };
  for (const { size, options, best } of among) {
    let [least, chosen] = [Number.POSITIVE_INFINITY, undefined];
    for (const { t, index, measured } of options) {
      const cycles = gpuCycles({ ...t, overlap: by[index] }, size, cores, constants);
      if (cycles < least) [least, chosen] = [cycles, measured];
      // What is far from the best is not chosen by any good estimate.
      if (measured < 1.7 * best) {
        square += Math.log((cycles + by.base) / measured) ** 2;
        count++;
      }
    }
    loss += Math.log(chosen / best);
    worst = Math.max(worst, chosen / best);
  }
  const mean = loss / among.length;
  const error = Math.sqrt(square / count);
  return { mean: Math.exp(mean), worst, error, cost: mean + 0.15 * error + 0.01 * Math.log(worst) };
}

const inShort = ({ mean, worst, error }) =>
  `${mean.toFixed(3)} of the best time (worst ${worst.toFixed(2)}), estimates off by ` +
  `${(100 * error).toFixed(0)} %`;
console.log(`${layers.length} layers, as it is: ${inShort(judge(start, layers))}`);
const rounds = Number(values.rounds);
const seed = Number(values.seed);
const { best, result } = search(start, (by) => judge(by, layers), { rounds, seed });
console.log(`fitted: ${inShort(result)}`);
for (const [key, value] of Object.entries(best)) {
  const isTile = Number.isInteger(Number(key));
  const name = isTile ? `overlap of ${shapeOf(gpuTiles[key])}` : key;
  console.log(`  ${name}: ${Number(value.toPrecision(4))}`);
}
for (const part of [0, 1, 2]) {
  const rest = layers.filter((_, i) => i % 3 !== part);
  const unseen = layers.filter((_, i) => i % 3 === part);
  const { best: byRest } = search(start, (by) => judge(by, rest), { rounds: rounds / 2, seed });
  console.log(`third ${part + 1}, fitted to the others: ${inShort(judge(byRest, unseen))}`);
}
