// Times convolution as a matrix product in many tiles and splits, on layers of ResNet-50, VGG-16
// and MobileNetV2 at batches 1, 8 and 32: what the choice of tiles (src/kernels/tile-choice.ts) is
// fitted to. The build must be up to date.
//
//   node bench/tile-sweep.mjs OUT.json [--seconds 180] [--tiles "32,64,16,4,8,1 64,64,16,8,4,1"]
//
// Writes one entry for each layer that it reached in the time: its batch N, size HW, channels C,
// filters K, kernel R and stride, M and D (the product is M x D by D x K), and `res`, rows of
// [us, tileM, tileN, depth, rows, cols, splits, stages], where `us` is the better of two means over
// about 6 ms of repeats.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openGpu } from "../dist/gpu/index.js";
import { convGemm } from "../dist/kernels/conv-gemm.js";
import { inferNode, problemOf } from "../dist/ops/evaluate.js";
import { Tensor } from "../dist/tensor/index.js";

const { values, positionals } = parseArgs({
  options: { seconds: { type: "string", default: "180" }, tiles: { type: "string" } },
  allowPositionals: true,
});

/** tileM, tileN, depth, rows, cols, stages; the loop is written out for sums of 8x8 alone. */
const tiles = values.tiles?.split(" ").map((tile) => tile.split(",").map(Number)) ?? [
  [128, 128, 16, 8, 8, 2],
  [128, 64, 16, 8, 8, 1],
  [64, 128, 16, 8, 8, 1],
  [64, 128, 8, 8, 8, 2],
  [128, 64, 8, 8, 8, 2],
  [64, 64, 8, 8, 8, 2],
  [64, 64, 16, 8, 4, 1],
  [64, 64, 16, 4, 8, 1],
  [64, 64, 16, 8, 4, 2],
  [32, 64, 16, 4, 8, 2],
  [64, 32, 16, 8, 4, 1],
  [32, 32, 16, 4, 4, 1],
  [32, 32, 16, 4, 4, 2],
  [32, 32, 32, 4, 4, 1],
  [16, 32, 32, 4, 4, 2],
];

/** Size, channels, filters, kernel, stride. */
const layers = [
  // ResNet-50
  ...[
    [224, 3, 64, 7, 2],
    [56, 64, 64, 1],
    [56, 64, 64, 3],
    [56, 64, 256, 1],
    [56, 256, 64, 1],
  ],
  ...[
    [56, 256, 128, 1],
    [56, 128, 128, 3, 2],
    [28, 128, 512, 1],
    [56, 256, 512, 1, 2],
  ],
  ...[
    [28, 512, 128, 1],
    [28, 128, 128, 3],
    [28, 512, 256, 1],
    [28, 256, 256, 3, 2],
  ],
  ...[
    [14, 256, 1024, 1],
    [28, 512, 1024, 1, 2],
    [14, 1024, 256, 1],
    [14, 256, 256, 3],
  ],
  ...[
    [14, 1024, 512, 1],
    [14, 512, 512, 3, 2],
    [7, 512, 2048, 1],
    [14, 1024, 2048, 1, 2],
  ],
  ...[
    [7, 2048, 512, 1],
    [7, 512, 512, 3],
  ],
  // VGG-16
  ...[
    [224, 3, 64, 3],
    [224, 64, 64, 3],
    [112, 64, 128, 3],
    [112, 128, 128, 3],
    [56, 128, 256, 3],
  ],
  ...[
    [56, 256, 256, 3],
    [28, 256, 512, 3],
    [28, 512, 512, 3],
    [14, 512, 512, 3],
  ],
  // MobileNetV2
  ...[
    [112, 32, 16, 1],
    [112, 16, 96, 1],
    [56, 96, 24, 1],
    [56, 24, 144, 1],
    [56, 144, 24, 1],
  ],
  ...[
    [28, 144, 32, 1],
    [28, 32, 192, 1],
    [28, 192, 32, 1],
    [14, 192, 64, 1],
    [14, 64, 384, 1],
  ],
  ...[
    [14, 384, 64, 1],
    [14, 96, 576, 1],
    [14, 576, 96, 1],
    [7, 576, 160, 1],
    [7, 160, 960, 1],
  ],
  ...[
    [7, 960, 320, 1],
    [7, 320, 1280, 1],
  ],
];

const gpu = await openGpu();
const { device } = gpu;
const buffers = {
  input: noisy(2 ** 30),
  packed: noisy(2 ** 25),
  output: device.createBuffer({ size: 2 ** 30, usage: GPUBufferUsage.STORAGE }),
  scratch: device.createBuffer({ size: 2 ** 28, usage: GPUBufferUsage.STORAGE }),
};

/** Random numbers, for zeros take less power and so less time. */
function noisy(size) {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const buffer = device.createBuffer({ size, usage });
  const noise = new Float32Array(2 ** 20).map(() => Math.random() - 0.5);
  for (let at = 0; at < size; at += noise.byteLength) device.queue.writeBuffer(buffer, at, noise);
  return buffer;
}

function uniform(data) {
  const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  const buffer = device.createBuffer({ size: Math.ceil(data.byteLength / 16) * 16, usage });
  device.queue.writeBuffer(buffer, 0, data);
  return buffer;
}

function problemOfLayer(batch, [size, channels, filters, kernel, stride = 1]) {
  const pad = kernel >> 1;
  const weights = new Tensor("float32", new Float32Array(filters * channels * kernel ** 2), [
    filters,
    channels,
    kernel,
    kernel,
  ]);
  const node = {
    name: "conv",
    op: "Conv",
    inputs: ["x", "w"],
    outputs: ["y"],
    attributes: { layout: "NHWC", strides: [stride, stride], pads: [pad, pad, pad, pad] },
  };
  const types = {
    x: { dtype: "float32", dims: [batch, size, size, channels] },
    w: { dtype: "float32", dims: weights.dims },
  };
  const [y] = inferNode(node, [types.x, types.w], [undefined, weights]);
  const problem = problemOf(
    node,
    (name) => types[name] ?? y,
    (name) => (name === "w" ? weights : undefined),
  );
  const M = y.dims.slice(0, 3).reduce((a, b) => a * b);
  return { problem, M, K: filters, D: kernel ** 2 * channels };
}

/** Tiles and splits worth a try for a product of these sizes. */
function candidates({ problem, M, K, D }) {
  return tiles.flatMap(([tileM, tileN, depth, rows, cols, stages]) => {
    const workgroups = Math.ceil(M / tileM) * Math.ceil(K / tileN);
    if (workgroups > 3000 && tileM * tileN < 2048) return [];
    if (workgroups < 8 && tileM * tileN > 4096) return [];
    const slices = Math.ceil(D / depth);
    const splits = [1, 2, 4, 8, 16].filter((n) => {
      const fits = workgroups * n <= 1100 && slices >= 2 * n && 4 * n * M * K <= 2 ** 27;
      return n === 1 || fits;
    });
    return splits
      .map((n) => ({ tileM, tileN, depth, rows, cols, stages, splits: n }))
      .map((config) => ({ ...config, unroll: rows * cols > 32 }))
      .filter((config) => convGemm.fits(config, problem, gpu.traits) === true);
  });
}

async function prepare(problem, config) {
  const { dispatches } = convGemm.build(problem, config, { specialize: true });
  return Promise.all(
    dispatches.map(async ({ wgsl, label, bindings, workgroups }) => {
      const pipeline = await gpu.pipeline(wgsl, label);
      const layout = pipeline.getBindGroupLayout(0);
      const entries = bindings.map(({ kind, data }, binding) => {
        return { binding, resource: { buffer: data ? uniform(data) : buffers[kind] } };
      });
      return { pipeline, group: device.createBindGroup({ layout, entries }), workgroups };
    }),
  );
}

/** Milliseconds of `times` repeats. */
async function run(dispatches, times) {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (let i = 0; i < times; i++) {
    for (const { pipeline, group, workgroups } of dispatches) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...workgroups);
    }
  }
  pass.end();
  device.queue.submit([encoder.finish()]);
  const start = performance.now();
  await device.queue.onSubmittedWorkDone();
  return performance.now() - start;
}

async function microseconds(dispatches) {
  await run(dispatches, 3);
  const once = Math.max(0.004, (await run(dispatches, 10)) / 10);
  const times = Math.max(5, Math.min(150, Math.ceil(6 / once)));
  const means = [await run(dispatches, times), await run(dispatches, times)];
  return (1000 * Math.min(...means)) / times;
}

// A third of the layers at each batch first, so that a run cut short has seen some of all kinds.
const batches = [1, 8, 32];
const order = batches.flatMap((batch, b) =>
  layers.map((layer, i) => ({ batch, layer, turn: (i + 3 - b) % 3 })),
);
order.sort((a, b) => a.turn - b.turn);
const deadline = performance.now() + 1000 * Number(values.seconds);
const measured = [];
for (const { batch, layer } of order) {
  if (performance.now() > deadline) break;
  const { problem, M, K, D } = problemOfLayer(batch, layer);
  const configs = candidates({ problem, M, K, D });
  const ready = await Promise.all(configs.map((config) => prepare(problem, config)));
  const warm = performance.now();
  while (performance.now() - warm < 150) await run(ready[0], 30);
  const res = [];
  for (const [i, config] of configs.entries()) {
    const { tileM, tileN, depth, rows, cols, splits, stages } = config;
    res.push([await microseconds(ready[i]), tileM, tileN, depth, rows, cols, splits, stages]);
  }
  const [HW, C, , R, stride = 1] = layer;
  measured.push({ N: batch, HW, C, K, R, stride, M, D, res });
  console.log(`batch ${batch}, ${layer.join(" ")}: best ${Math.min(...res.map((r) => r[0]))} us`);
}
writeFileSync(positionals[0] ?? "tiles.json", JSON.stringify(measured));
process.exit(0);
