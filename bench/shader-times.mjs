// How long a GPU's driver takes to compile the shaders of a network, some at a time. The build must
// be up to date; see bench/start-up.mjs for what an empty home is good for.
//
//   HOME=$(mktemp -d) node bench/shader-times.mjs resnet50 [--batch 1] [--size 224] [--at-once 1]
//
// Prints a line for each shader, the slowest first (with several at once, the time until it was
// done), and the time of all.
import { parseArgs } from "node:util";
import { openGpu } from "../dist/gpu/index.js";
import { models } from "../dist/models/index.js";
import { optimize, resolve } from "../dist/passes/index.js";
import { makePlan } from "../dist/session/plan.js";

const { values, positionals } = parseArgs({
  options: {
    batch: { type: "string", default: "1" },
    size: { type: "string", default: "224" },
    "at-once": { type: "string", default: "1" },
  },
  allowPositionals: true,
});
const name = positionals[0] ?? "resnet50";
if (!models.has(name)) {
  console.error(`no network ${name}; there are: ${[...models.keys()].join(", ")}`);
  process.exit(2);
}
const imageSize = Number(values.size);
const shapes = new Map([["x", [Number(values.batch), 3, imageSize, imageSize]]]);
const graph = resolve(models.get(name).build({ imageSize }), shapes);
const gpu = await openGpu();
const plan = makePlan(optimize(graph, { precision: "f32" }), gpu.traits);
const waiting = [...new Map(plan.dispatches.map(({ wgsl, label }) => [wgsl, label]))];
const rows = [];
const atOnce = Number(values["at-once"]);
const start = performance.now();
async function compile() {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const begun = atOnce === 1 ? performance.now() : start;
    await gpu.pipeline(...next);
    rows.push({ ms: performance.now() - begun, characters: next[0].length, label: next[1] });
  }
}
await Promise.all(Array.from({ length: atOnce }, compile));
const ms = performance.now() - start;
rows.sort((a, b) => b.ms - a.ms);
for (const row of rows) {
  console.log(`${row.ms.toFixed(0).padStart(6)} ms ${row.characters} characters, ${row.label}`);
}
console.log(`${rows.length} shaders of ${name}, ${atOnce} at a time: ${ms.toFixed(0)} ms`);
gpu.destroy();
process.exit(0);
