// How long the first result of a network takes: from `Session.create` with the bytes of an ONNX
// file in a new process, stage by stage. The build must be up to date. An empty home makes sure
// that no driver remembers a shader:
//
//   HOME=$(mktemp -d) node bench/start-up.mjs resnet50 [--batch 1] [--size 224] [--device gpu]
//
// Prints one line of JSON: milliseconds until each stage was done, and until the first result.
import { parseArgs } from "node:util";
import { Session, Tensor } from "../dist/index.js";
import { models } from "../dist/models/index.js";
import { writeOnnx } from "../dist/onnx/index.js";

const { values, positionals } = parseArgs({
  options: {
    batch: { type: "string", default: "1" },
    size: { type: "string", default: "224" },
    device: { type: "string", default: "gpu" },
  },
  allowPositionals: true,
});
const name = positionals[0] ?? "resnet50";
const [batch, imageSize] = [Number(values.batch), Number(values.size)];
if (!models.has(name)) {
  console.error(`no network ${name}; there are: ${[...models.keys()].join(", ")}`);
  process.exit(2);
}
const model = writeOnnx(models.get(name).build({ seed: 1, imageSize }));
const dims = [batch, 3, imageSize, imageSize];
const x = new Tensor("float32", new Float32Array(dims.reduce((a, b) => a * b)).fill(0.5), dims);
const done = {};
const start = performance.now();
const passed = () => Math.round(performance.now() - start);
const session = await Session.create(model, {
  device: values.device,
  dimensions: { N: batch },
  onProgress({ stage, done: count, total }) {
    if (count === total) done[`${stage} ${total}`] = passed();
  },
});
await session.run({ x });
const { name: device } = session.device;
console.log(JSON.stringify({ network: name, batch, imageSize, device, done, firstMs: passed() }));
await session.dispose();
