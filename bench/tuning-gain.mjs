// How good the default choices are: networks with the defaults and tuned, on this machine's GPU.
// The build must be up to date. What the user has stored is neither read nor changed.
//
//   node bench/tuning-gain.mjs [--models resnet18,resnet50,vgg16,mobilenet_v2] [--batches 1]
//                              [--precision f32|f16|f16acc32] [--size 224] [--seconds 200]
//                              [--device gpu] [--out FILE] [--tunings FILE]
//
// `--seconds` is for everything together: what one network leaves goes to those after it. Times are
// of runs on the device, without transfers, default and tuned in turns. `--out` gets all figures,
// `--tunings` what `rekindle tune --import` reads; both are written after each network.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { exactTimestamps } from "../dist/bench/timer.js";
import { randomArray } from "../dist/cli/run/inputs.js";
import { openGpu } from "../dist/gpu/index.js";
import { models } from "../dist/models/index.js";
import { tuneNetwork, tuningsOf } from "../dist/tune/tune-network.js";

const { values: options } = parseArgs({
  options: {
    models: { type: "string", default: "resnet18,resnet50,vgg16,mobilenet_v2" },
    batches: { type: "string", default: "1" },
    precision: { type: "string", default: "f32" },
    size: { type: "string", default: "224" },
    seconds: { type: "string", default: "200" },
    device: { type: "string", default: "gpu" },
    out: { type: "string" },
    tunings: { type: "string" },
  },
});
const start = performance.now();
const secondsSince = (from) => (performance.now() - from) / 1000;
/** What opening, comparing and timing a network takes besides the search. */
const extraSeconds = 6;

const toggles = [process.env.REKINDLE_DAWN_FEATURES, exactTimestamps].filter(Boolean).join(",");
const gpu = await openGpu({ kind: options.device, toggles });
const { name, kind, description } = gpu.info;
const device = { gpu, summary: { kind, name, backend: "webgpu", reason: "it was asked for" } };
const batches = options.batches.split(",").map(Number);
const subjects = options.models.split(",").flatMap((model) => batches.map((n) => [model, n]));
const report = {
  device: { name, driver: description },
  measuredAt: new Date().toISOString(),
  precision: options.precision,
  networks: [],
};
const tunings = [];
console.log(`${name}, ${description}`);
for (const [i, [model, batch]] of subjects.entries()) {
  const began = performance.now();
  const share = (Number(options.seconds) - secondsSince(start)) / (subjects.length - i);
  const graph = models.get(model).build({ imageSize: Number(options.size) });
  const feeds = { x: randomArray(graph.inputs[0], batch, undefined) };
  const result = await tuneNetwork(
    device,
    { name: model, graph, batch, feeds },
    {
      precision: options.precision,
      known: tunings,
      budgetMs: 1000 * Math.max(1, share - extraSeconds),
    },
  );
  tunings.push(...result.tunings);
  const gain = result.defaultMs.median / result.tunedMs.median;
  report.networks.push({ ...rowOf(result), model, batch, gain, seconds: secondsSince(began) });
  print(report.networks.at(-1));
  report.geometricMean = geometricMean(report.networks.map((row) => row.gain));
  report.seconds = secondsSince(start);
  const write = (path, content) =>
    path && writeFileSync(path, `${JSON.stringify(content, null, 1)}\n`);
  write(options.out, report);
  write(options.tunings, tuningsOf(device, tunings));
}
const over = 100 * (report.geometricMean - 1);
console.log(
  `the defaults take ${over.toFixed(1)} % longer than tuned, in the geometric mean` +
    ` of ${report.networks.length} (${report.seconds.toFixed(0)} s)`,
);
process.exit(0);

function rowOf({ problems, covered, defaultMs, tunedMs, isGain }) {
  const sum = (which) =>
    problems.reduce((s, { nodes, result }) => s + nodes * (result?.[which]?.timeMs ?? 0), 0);
  return {
    ...{ defaultMs, tunedMs, isGain, covered: covered.length },
    // What the layers take one by one, without what the network waits for between them.
    layersMs: { default: sum("default"), tuned: sum("best") },
    notSearched: problems.filter((p) => !p.result).length,
    problems: problems.map(({ key, nodes, result }) => ({
      ...{ problem: key, nodes },
      ...(result && {
        ...{ candidates: result.candidates, measured: result.measured },
        ...{ untuned: result.untuned, isDefaultWrong: result.isDefaultWrong },
        default: choiceOf(result.default),
        chosen: choiceOf(result.best),
        rejected: result.rejected.map((r) => ({ ...choiceOf(r), why: r.why })),
      }),
    })),
  };
}

function choiceOf(choice) {
  return choice && { kernel: choice.kernel.name, config: choice.config, timeMs: choice.timeMs };
}

function print(row) {
  const { problems, notSearched, covered, defaultMs, tunedMs, layersMs, gain, seconds } = row;
  const measured = problems.reduce((sum, p) => sum + (p.measured ?? 0), 0);
  const rejected = problems.flatMap((p) => p.rejected ?? []);
  console.log(
    `${row.model.padEnd(14)}${String(row.batch).padStart(3)} `,
    `default ${defaultMs.median.toFixed(3).padStart(8)} ms, tuned`,
    `${tunedMs.median.toFixed(3).padStart(8)} ms, ${gain.toFixed(3)} times as fast;`,
    `layers ${layersMs.default.toFixed(3)} and ${layersMs.tuned.toFixed(3)} ms;`,
    `${problems.length} problems (${notSearched} not searched, ${covered} known before),`,
    `${measured} candidates measured, ${rejected.length} rejected, ${seconds.toFixed(0)} s`,
  );
  for (const { kernel, config, why } of rejected.slice(0, 5)) {
    console.log(`  rejected: ${kernel} ${JSON.stringify(config)}: ${why}`);
  }
}

function geometricMean(ratios) {
  return Math.exp(ratios.reduce((sum, r) => sum + Math.log(r), 0) / ratios.length);
}
