// How good the choice of tiles is: the time of what `tilesFor` puts first over the best time, on
// measured layers. The build must be up to date.
//
//   node bench/tile-choice.mjs [bench/results/h100-2026-11-22/tiles.json] [--cores 132]
//
// Each measured layer holds rows of [us, tileM, tileN, depth, rows, cols, splits, stages], as
// bench/tile-sweep.mjs measures them.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { tilesFor } from "../dist/kernels/tile-choice.js";

const { values, positionals } = parseArgs({
  options: { cores: { type: "string", default: "132" } },
  allowPositionals: true,
});
const file = positionals[0] ?? "bench/results/h100-2026-11-22/tiles.json";
const layers = JSON.parse(readFileSync(file, "utf8"));
const device = { isSoftware: false, cores: Number(values.cores) };
const keyOf = (t) => [t.tileM, t.tileN, t.depth, t.rows, t.cols, t.splits, t.stages].join();
const ratios = layers.map(({ N, M, K, D, res }) => {
  const times = new Map(res.map(([us, ...tile]) => [tile.join(), us]));
  const chosen = tilesFor({ M, N: K, depth: D, groups: 1, pictures: N }, device).find((t) =>
    times.has(keyOf(t)),
  );
  return times.get(keyOf(chosen)) / Math.min(...times.values());
});
const mean = Math.exp(ratios.reduce((sum, r) => sum + Math.log(r), 0) / ratios.length);
const worst = Math.max(...ratios);
console.log(`${layers.length} layers: ${mean.toFixed(3)} of the best time in the geometric mean`);
console.log(`worst ${worst.toFixed(2)}`);
