// 3x3 convolution from naive to tuned: every step is checked against the reference, then timed.
// The build must be up to date.
//
//   node bench/ladder/run.mjs [--device software] [--batch 8] [--channels 256] [--filters 256]
//                             [--side 56] [--repeat 20] [--json FILE]
//
// Each .wgsl file beside this one is a step, with what it teaches in its comment.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { engineSteps, ladderCase, ladderStep } from "../../dist/bench/ladder.js";
import { boundMs, measureRoofline } from "../../dist/bench/roofline.js";
import { spreadOf } from "../../dist/bench/statistics.js";
import { timePrograms } from "../../dist/bench/time-program.js";
import { exactTimestamps } from "../../dist/bench/timer.js";
import { BoundProgram, openGpu } from "../../dist/gpu/index.js";
import { buildOptions } from "../../dist/tunings/shader-hash.js";

const count = { type: "string" };
const { values: options } = parseArgs({
  options: {
    device: { type: "string", default: "gpu" },
    batch: count,
    channels: count,
    filters: count,
    side: count,
    repeat: count,
    json: { type: "string" },
  },
});
const toggles = [process.env.REKINDLE_DAWN_FEATURES, exactTimestamps].filter(Boolean).join(",");
const isKind = options.device === "gpu" || options.device === "software";
const gpu = await openGpu({
  toggles,
  ...(isKind ? { kind: options.device } : { adapter: options.device }),
});
const { isSoftware } = gpu.traits;
const number = (name, usual) => Number(options[name] ?? usual);
const conv = ladderCase({
  batch: number("batch", isSoftware ? 1 : 8),
  channels: number("channels", isSoftware ? 16 : 256),
  filters: number("filters", isSoftware ? 32 : 256),
  side: number("side", isSoftware ? 12 : 56),
});
const { C, H, W, K } = conv.layer;
console.log(
  `${gpu.info.name}: 3x3, ${C} to ${K} channels, ${H}x${W}, batch ${conv.batch}, float32`,
);
if (isSoftware) console.log("a CPU emulates this GPU: its times say nothing about any card");

const roofline = await measureRoofline(gpu);
const files = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".wgsl"))
  .sort();
const steps = [
  ...files.map((file) => {
    const text = readFileSync(join(import.meta.dirname, file), "utf8");
    return ladderStep(file, text, conv, buildOptions(gpu.traits));
  }),
  ...engineSteps(gpu, conv),
];
const rows = [];
for (const { name, title, program, inputs, outputDims, check } of steps) {
  const outputs = [{ dtype: "float32", dims: outputDims }];
  const bound = await BoundProgram.bind(gpu, program, { inputs, operands: [], outputs });
  const [output] = await bound.run();
  const error = check(output);
  if (!(error < 1e-4)) throw new Error(`${name} is wrong: relative error ${error}`);
  rows.push({ name, title, error, bound });
}
const timing = { samples: number("repeat", 20), warmUpMs: isSoftware ? 0 : 500 };
const timings = await timePrograms(
  gpu,
  rows.map((row) => row.bound),
  timing,
);
const least = boundMs(roofline, { flop: conv.flop, bytes: conv.bytes, precision: "f32" });
const report = rows.map(({ name, title, error }, i) => {
  const ms = spreadOf(timings[i].ms);
  return { name, title, error, ms, teraflopPerSecond: conv.flop / ms.median / 1e9 };
});
const naive = report[0].ms.median;
for (const { name, title, ms, teraflopPerSecond } of report) {
  const figures = [
    `${ms.median.toPrecision(4).padStart(8)} ms`,
    `(${ms.low.toPrecision(3)} to ${ms.high.toPrecision(3)})`,
    `${teraflopPerSecond.toPrecision(3).padStart(6)} TFLOP/s`,
    `${((100 * least) / ms.median).toFixed(0).padStart(3)} % of the roofline`,
    `${(naive / ms.median).toFixed(1).padStart(6)} times the first`,
  ];
  console.log(`${name.padEnd(20)} ${figures.join("  ")}\n${" ".repeat(21)}${title}`);
}
if (options.json) {
  const device = { name: gpu.info.name, driver: gpu.info.description };
  const { layer, batch } = conv;
  const content = { device, layer, batch, steps: report };
  writeFileSync(options.json, `${JSON.stringify(content, null, 1)}\n`);
}
process.exit(0);
