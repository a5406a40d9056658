// Times and checks the built-in networks on this machine's GPU; the build must be up to date.
//
//   node bench/models.mjs [--models resnet50,vgg16] [--batches 1,8,32] [--precision f32|f16]
//                         [--size 224] [--seconds 1] [--verify] [--against ort-webgpu] [--out FILE]
//
// Whole runs go from the CPU's memory to the CPU's memory; "on device" leaves the transfers out.
// Every figure is the median (and p10, p90) of 40 runs after `--seconds` of warming up.
// `--verify` compares batch 1 with ONNX Runtime on the CPU, relative error in L2.
// `--against ort-webgpu` times ONNX Runtime's WebGPU on the same files, in the same process.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { spreadOf } from "../dist/bench/statistics.js";
import { Session, Tensor } from "../dist/index.js";
import { models } from "../dist/models/index.js";
import { writeOnnx } from "../dist/onnx/index.js";

const { values: options } = parseArgs({
  options: {
    models: { type: "string", default: [...models.keys()].join(",") },
    batches: { type: "string", default: "1" },
    precision: { type: "string", default: "f32" },
    device: { type: "string", default: "gpu" },
    size: { type: "string", default: "224" },
    seconds: { type: "string", default: "1" },
    verify: { type: "boolean", default: false },
    against: { type: "string" },
    out: { type: "string" },
  },
});
const repeats = 40;

function randomInput(dims) {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const length = dims.reduce((a, b) => a * b, 1);
  return new Tensor("float32", Float32Array.from({ length }, next), dims);
}

function relativeError(actual, expected) {
  const [a, b] = [actual.toNumbers(), expected.toNumbers()];
  const norm = (f) => Math.sqrt(b.reduce((sum, v, i) => sum + f(v, i) ** 2, 0));
  return norm((v, i) => a[i] - v) / norm((v) => v);
}

/** Spread of `repeats` runs after warming up; a GPU takes a while to raise its clocks. */
async function timed(run) {
  const start = performance.now();
  while (performance.now() - start < 1000 * Number(options.seconds)) await run();
  const times = [];
  for (let i = 0; i < repeats; i++) {
    const before = performance.now();
    await run();
    times.push(performance.now() - before);
  }
  return spreadOf(times);
}

async function timeOrt(bytes, x) {
  const ort = await import("onnxruntime-node");
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: ["webgpu"],
    logSeverityLevel: 3,
  });
  const feeds = { x: new ort.Tensor("float32", x.data, x.dims) };
  const spread = await timed(() => session.run(feeds));
  await session.release();
  return spread;
}

const rows = [];
for (const name of options.models.split(",")) {
  const graph = models.get(name).build({ imageSize: Number(options.size) });
  const bytes = options.against ? writeOnnx(graph) : undefined;
  for (const batch of options.batches.split(",").map(Number)) {
    const x = randomInput([batch, 3, Number(options.size), Number(options.size)]);
    const start = performance.now();
    const { device, precision } = options;
    const session = await Session.create(graph, { device, precision });
    const { y } = await session.run({ x });
    const row = { name, batch, precision, firstMs: performance.now() - start };
    if (options.verify && batch === 1) {
      const cpu = await Session.create(graph, { device: "cpu" });
      row.error = relativeError(y, (await cpu.run({ x })).y);
      await cpu.dispose();
    }
    row.wholeMs = await timed(() => session.run({ x }));
    row.onDeviceMs = spreadOf(await session.timeOnDevice(repeats));
    row.stats = session.stats;
    row.device = session.device.name;
    await session.dispose();
    if (options.against === "ort-webgpu") row.ortWebgpuMs = await timeOrt(bytes, x);
    rows.push(row);
    const ms = (spread) => spread.median.toFixed(2).padStart(8);
    console.log(
      `${name.padEnd(20)}${String(batch).padStart(3)} ${precision}`,
      `whole ${ms(row.wholeMs)} ms, on device ${ms(row.onDeviceMs)} ms`,
      row.ortWebgpuMs ? `ONNX Runtime WebGPU ${ms(row.ortWebgpuMs)} ms` : "",
      row.error === undefined ? "" : `error ${row.error.toExponential(1)}`,
    );
  }
}
if (options.out) writeFileSync(options.out, `${JSON.stringify(rows, null, 1)}\n`);
process.exit(0);
