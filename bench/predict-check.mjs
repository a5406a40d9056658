// How far the performance model is from what was measured: whole networks on an H100, by the same
// method as for RDNA1 cards (docs/performance-model.md). The build must be up to date.
//
//   node bench/predict-check.mjs [bench/results/h100-2026-11-21/networks.json]
//
// Measured times go from the call to its completion, so they hold what JavaScript adds to small
// networks; predicted ones are of the GPU alone. The kernels have changed since.
import { readFileSync } from "node:fs";
import { models } from "../dist/models/index.js";
import { optimize, resolve } from "../dist/passes/index.js";
import { findCard, traitsOfCard } from "../dist/predict/cards.js";
import { h100 } from "../dist/predict/machine.js";
import { predictOn } from "../dist/predict/predict.js";

const file = process.argv[2] ?? "bench/results/h100-2026-11-21/networks.json";
const device = {
  ...traitsOfCard(findCard("RX 5700 XT")),
  maxComputeWorkgroupStorageSize: 49152,
  subgroupMinSize: 32,
  subgroupMaxSize: 32,
  cores: h100.units,
  hasF16: false,
  architecture: "hopper",
};
const logs = [];
for (const { name, batch, onDeviceMs } of JSON.parse(readFileSync(file, "utf8"))) {
  const graph = models.get(name).build({ batch });
  const shapes = new Map(graph.inputs.map((x) => [x.name, x.dims]));
  const typed = optimize(resolve(graph, shapes), { precision: "f32" });
  const { predictedMs, boundMs } = predictOn(typed, h100, device);
  const ratio = predictedMs / onDeviceMs.median;
  logs.push(Math.log(ratio));
  const ms = (value) => value.toFixed(2).padStart(7);
  console.log(
    `${name.padEnd(14)}${String(batch).padStart(3)}  bound ${ms(boundMs)}  predicted` +
      `${ms(predictedMs)}  measured ${ms(onDeviceMs.median)} ms  ratio ${ratio.toFixed(2)}`,
  );
}
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
console.log(
  `predicted / measured: ${Math.exp(mean(logs)).toFixed(2)} in the geometric mean, error ` +
    `${(100 * (Math.exp(mean(logs.map(Math.abs))) - 1)).toFixed(0)} %`,
);
