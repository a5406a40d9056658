// How far the performance model is from what was measured: whole networks on an H100, by the same
// method as for RDNA1 cards (docs/performance-model.md). The build must be up to date.
//
//   node bench/predict-check.mjs [bench/results/h100-2026-11-22/resnet50.json ...]
//                                [--launch 4.5] [--submission 0.15]
//
// Takes what `rekindle bench model --json FILE` writes. Measured times go from the call to its
// completion; predicted ones are of the GPU alone, so the milliseconds of `--submission` are added:
// from the call to the GPU's first work, and from its last to the answer. `--launch` tries other
// microseconds for a dispatch than the model's: both were chosen so.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { models } from "../dist/models/index.js";
import { optimize, resolve } from "../dist/passes/index.js";
import { findCard, traitsOfCard } from "../dist/predict/cards.js";
import { fitted } from "../dist/predict/dispatch-time.js";
import { h100 } from "../dist/predict/machine.js";
import { predictOn } from "../dist/predict/predict.js";

const names = ["resnet18", "resnet50", "vgg16", "mobilenet_v2"];
const { values, positionals: given } = parseArgs({
  options: { launch: { type: "string" }, submission: { type: "string", default: "0.15" } },
  allowPositionals: true,
});
if (values.launch) fitted.launch = Number(values.launch) * 1e-6;
const submissionMs = Number(values.submission);
const files = given.length
  ? given
  : names.map((name) => `bench/results/h100-2026-11-22/${name}.json`);
const measured = files.flatMap((file) => JSON.parse(readFileSync(file, "utf8")).models);
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
for (const { name, batch, onDeviceMs } of measured) {
  const graph = models.get(name).build({ batch });
  const shapes = new Map(graph.inputs.map((x) => [x.name, x.dims]));
  const typed = optimize(resolve(graph, shapes), { precision: "f32" });
  const { predictedMs, boundMs } = predictOn(typed, h100, device);
  const predicted = predictedMs + submissionMs;
  const ratio = predicted / onDeviceMs.median;
  logs.push(Math.log(ratio));
  const ms = (value) => value.toFixed(2).padStart(7);
  console.log(
    `${name.padEnd(14)}${String(batch).padStart(3)}  bound ${ms(boundMs)}  predicted` +
      `${ms(predicted)}  measured ${ms(onDeviceMs.median)} ms  ratio ${ratio.toFixed(2)}`,
  );
}
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
console.log(
  `predicted / measured: ${Math.exp(mean(logs)).toFixed(2)} in the geometric mean, error ` +
    `${(100 * (Math.exp(mean(logs.map(Math.abs))) - 1)).toFixed(0)} %`,
);
