// Does it pay to compute a depthwise convolution inside of the 1x1 convolution behind it? Times
// such pairs of MobileNetV2 both ways: as two kernels (or three, where the sum is split), and as
// the engine runs it (kernels/conv-separable.ts), in the engine's first choices of tiles. The
// build must be up to date.
//
//   node bench/depthwise-fusion.mjs OUT.json [--batches 1,8,32] [--size 224] [--seconds 120]
//                                            [--device gpu|software] [--tiles 16]
//
// Both must agree before they are timed. OUT.json has one entry for each pair: median microseconds
// of the pair, of the engine's first choice, and of the best of the choices that were tried; and
// `tried`, rows of [us, tileM, tileN, depth, rows, cols, splits, stages].
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openToMeasure, spreadOf } from "../dist/bench/index.js";
import { timePrograms } from "../dist/bench/time-program.js";
import { BoundProgram } from "../dist/gpu/index.js";
import { Tensor } from "../dist/index.js";
import { convSeparable } from "../dist/kernels/conv-separable.js";
import { models } from "../dist/models/index.js";
import { resolve } from "../dist/passes/index.js";
import { passesFor } from "../dist/passes/optimize.js";
import { chooseKernel } from "../dist/session/choose-kernel.js";
import { problemsOf } from "../dist/session/plan.js";
import { buildOptions } from "../dist/tunings/shader-hash.js";

const { values: options, positionals } = parseArgs({
  options: {
    batches: { type: "string", default: "1,8,32" },
    size: { type: "string", default: "224" },
    seconds: { type: "string", default: "120" },
    device: { type: "string", default: "gpu" },
    tiles: { type: "string", default: "16" },
  },
  allowPositionals: true,
});

/** MobileNetV2's depthwise separable convolutions: as one problem, and as the two it was before. */
function pairsOf(batch) {
  const size = Number(options.size);
  const graph = models.get("mobilenet_v2").build({ imageSize: size });
  const typed = resolve(graph, new Map([["x", [batch, 3, size, size]]]));
  const run = (passes) => problemsOf(passes.reduce((g, pass) => pass.run(g), typed));
  const passes = passesFor({ precision: "f32" });
  const apart = run(passes.filter(({ name }) => name !== "separable convolutions"));
  const merged = run(passes).filter(({ node }) => node.op === "SeparableConv");
  // Repeats of a block are timed once.
  const sizeOf = ({ problem }) => JSON.stringify([problem.inputs, problem.attributes]);
  const different = new Map(merged.map((found) => [sizeOf(found), found]));
  return [...different.values()].map(({ node, problem }) => {
    const at = apart.findIndex((other) => other.node.outputs[0] === node.outputs[0]);
    const [first, second] = apart.slice(at - 1, at + 1);
    return { first, second, fused: problem };
  });
}

/** The bias of the 1x1 convolution is input 4 of both programs, and that of the window input 2. */
const biasInput = 4;

function pairProgram({ first, second }, traits) {
  const build = ({ problem, kernels }) => {
    const { kernel, config } = chooseKernel(kernels, problem, traits);
    return kernel.build(problem, config, buildOptions(traits));
  };
  const [a, b] = [build(first), build(second)];
  const between = { kind: "scratch", index: 0 };
  const ofFirst = (binding) => (binding.kind === "output" ? between : binding);
  const ofSecond = ({ kind, index, ...rest }) => {
    if (kind === "input") return index === 0 ? between : { kind, index: biasInput };
    if (kind === "scratch") return { kind, index: index + 1 };
    return kind === "packed" ? { kind, index: index + a.packed.length } : { kind, index, ...rest };
  };
  const moved = (dispatches, move) =>
    dispatches.map((d) => ({ ...d, bindings: d.bindings.map(move) }));
  const bytes = first.problem.outputs[0].dims.reduce((x, y) => x * y, 4);
  return {
    dispatches: [...moved(a.dispatches, ofFirst), ...moved(b.dispatches, ofSecond)],
    scratch: [bytes, ...(b.scratch ?? [])],
    packed: [...a.packed, ...b.packed],
  };
}

let state = 1;
function noise(dims) {
  const length = dims.reduce((a, b) => a * b, 1);
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return new Tensor("float32", Float32Array.from({ length }, next), dims);
}

function difference(actual, expected) {
  const norm = (f) => Math.sqrt(expected.data.reduce((sum, v, i) => sum + f(v, i) ** 2, 0));
  return norm((v, i) => actual.data[i] - v) / norm((v) => v);
}

const { gpu } = await openToMeasure(options.device);
const rows = [];
const deadline = performance.now() + 1000 * Number(options.seconds);
for (const batch of options.batches.split(",").map(Number)) {
  for (const pair of pairsOf(batch)) {
    if (performance.now() > deadline) break;
    const { fused } = pair;
    const [x, , , weights] = fused.inputs;
    const [, , shift, , bias] = fused.constants;
    const operands = fused.epilogue.flatMap(({ operand }) =>
      operand ? [noise(operand.dims)] : [],
    );
    const inputs = [noise(x.dims), undefined, shift, undefined, bias];
    const configs = convSeparable
      .configs(fused, gpu.traits)
      .filter((config) => convSeparable.fits(config, fused, gpu.traits) === true)
      .slice(0, Number(options.tiles));
    const programs = [
      pairProgram(pair, gpu.traits),
      ...configs.map((config) => convSeparable.build(fused, config, buildOptions(gpu.traits))),
    ];
    const data = { inputs, operands, outputs: fused.outputs };
    const bound = await Promise.all(programs.map((p) => BoundProgram.bind(gpu, p, data)));
    const [expected] = await bound[0].run();
    for (const one of bound.slice(1)) {
      const error = difference((await one.run())[0], expected);
      if (!(error < 1e-5)) throw new Error(`the fused kernel differs by ${error}`);
    }
    const timings = await timePrograms(gpu, bound, { warmUpMs: 100, samples: 12, budgetMs: 400 });
    const us = timings.map(({ ms }) => 1000 * spreadOf(ms).median);
    const best = us.indexOf(Math.min(...us.slice(1)));
    const { strides } = fused.attributes;
    const [, H, W, C] = x.dims;
    const name = `${H}x${W}, ${C} by 3x3/${strides[0]} to ${weights.dims[0]}`;
    const tileOf = ({ tileM, tileN, depth, splits }) => `${tileM}x${tileN}x${depth} in ${splits}`;
    const [chosen, tile] = [tileOf(configs[0]), tileOf(configs[best - 1])];
    const tried = configs.map((t, i) => [
      us[i + 1],
      ...[t.tileM, t.tileN, t.depth, t.rows, t.cols, t.splits, t.stages],
    ]);
    const found = { pairUs: us[0], fusedUs: us[1], chosen, bestUs: us[best], tile, tried };
    rows.push({ batch, name, ...found });
    const times = us.map((time) => time.toFixed(1));
    console.log(
      `batch ${batch}, ${name}: ${times[0]} us, fused ${times[1]} (${chosen}): ` +
        `${(us[0] / us[1]).toFixed(2)}; best ${times[best]} (${tile})`,
    );
    for (const b of bound) b.destroy();
  }
}
if (positionals[0]) writeFileSync(positionals[0], JSON.stringify({ device: gpu.info.name, rows }));
process.exit(0);
