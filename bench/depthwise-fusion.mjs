// Does it pay to compute a depthwise convolution inside of the 1x1 convolution behind it? Times
// each such pair of MobileNetV2 both ways: as the engine runs it (two kernels, or three where the
// sum is split), and as one matrix product whose rows are computed by the window, so that the value
// between never leaves the chip, but is computed anew for every tile of columns. The build must be
// up to date.
//
//   node bench/depthwise-fusion.mjs OUT.json [--batches 1,8,32] [--size 224] [--seconds 120]
//                                            [--device gpu|software] [--tiles 6]
//
// Both must agree before they are timed. OUT.json has one entry for each pair: median microseconds
// of both, the best tile of the fused one among the engine's first `--tiles` choices.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { spreadOf } from "../dist/bench/statistics.js";
import { timePrograms } from "../dist/bench/time-program.js";
import { BoundProgram, openGpu } from "../dist/gpu/index.js";
import { Tensor } from "../dist/index.js";
import { conv2dOf, convSteps } from "../dist/kernels/conv-problem.js";
import { loadsOf } from "../dist/kernels/gemm-tile.js";
import { tilesFor } from "../dist/kernels/tile-choice.js";
import { tiledProgram } from "../dist/kernels/tiled-product.js";
import { models } from "../dist/models/index.js";
import { optimize, resolve } from "../dist/passes/index.js";
import { chooseKernel } from "../dist/session/choose-kernel.js";
import { problemsOf } from "../dist/session/plan.js";
import { buildOptions } from "../dist/tunings/shader-hash.js";

const { values: options, positionals } = parseArgs({
  options: {
    batches: { type: "string", default: "1,8,32" },
    size: { type: "string", default: "224" },
    seconds: { type: "string", default: "120" },
    device: { type: "string", default: "gpu" },
    tiles: { type: "string", default: "6" },
  },
  allowPositionals: true,
});

/** Depthwise convolutions with Clip(0, 6) that a 1x1 convolution reads. */
function pairsOf(batch) {
  const size = Number(options.size);
  const graph = models.get("mobilenet_v2").build({ imageSize: size });
  const shapes = new Map([["x", [batch, 3, size, size]]]);
  const nodes = problemsOf(optimize(resolve(graph, shapes), { precision: "f32" }));
  return nodes.flatMap((first, i) => {
    const second = nodes[i + 1];
    const isPair =
      first.problem.op === "Conv" &&
      first.problem.attributes.group > 1 &&
      first.problem.epilogue.map(({ op }) => op).join() === "Clip" &&
      second?.node.inputs[0] === first.node.outputs[0];
    return isPair ? [{ first: first.problem, second: second.problem, kernels: first.kernels }] : [];
  });
}

/** The bias of the depthwise convolution is input 3 of both programs, beside the second's own. */
const firstBias = 3;

function pairProgram({ first, second, kernels }, traits) {
  const build = (problem) => {
    const { kernel, config } = chooseKernel(kernels, problem, traits);
    return kernel.build(problem, config, buildOptions(traits));
  };
  const [a, b] = [build(first), build(second)];
  const ofFirst = (binding) => {
    if (binding.kind === "output") return { kind: "scratch", index: 0 };
    return binding.kind === "input" && binding.index === 2
      ? { kind: "input", index: firstBias }
      : binding;
  };
  const ofSecond = (binding) => {
    if (binding.kind === "input" && binding.index === 0) return { kind: "scratch", index: 0 };
    if (binding.kind === "scratch") return { kind: "scratch", index: binding.index + 1 };
    if (binding.kind === "packed")
      return { kind: "packed", index: binding.index + a.packed.length };
    return binding;
  };
  const moved = (dispatches, move) =>
    dispatches.map((d) => ({ ...d, bindings: d.bindings.map(move) }));
  const between = first.outputs[0].dims.reduce((x, y) => x * y, 4);
  return {
    dispatches: [...moved(a.dispatches, ofFirst), ...moved(b.dispatches, ofSecond)],
    scratch: [between, ...(b.scratch ?? [])],
    packed: [...a.packed, ...b.packed],
  };
}

/** WGSL for four channels of a pixel of the value between: no branch, so that loads overlap. */
function windowFunction(c) {
  const taps = Array.from({ length: c.R * c.S }, (_, i) => {
    const [r, s] = [Math.floor(i / c.S) * c.dilation.h, (i % c.S) * c.dilation.w];
    return `  {
    let isInside = top + ${r}u < params.H && left + ${s}u < params.W;
    let place = picture + (top + ${r}u) * params.W + left + ${s}u;
    let pixel = x[place * (params.depth / 4u) + channel];
    let weight = taps[${i}u * (params.depth / 4u) + channel];
    sum = fma(select(vec4<f32>(), pixel, isInside), weight, sum);
  }`;
  });
  return `fn between(picture: u32, top: u32, left: u32, channel: u32) -> vec4<f32> {
  var sum = shift[channel];
${taps.join("\n")}
  return clamp(sum, vec4<f32>(), vec4<f32>(6.0));
}
`;
}

function fusedProgram({ first, second, kernels }, traits, tile) {
  const [c, d] = [conv2dOf(first), conv2dOf(second)];
  const packedOf = (problem) => {
    const { kernel, config } = chooseKernel(kernels, problem, traits);
    return kernel.build(problem, config, buildOptions(traits)).packed[0];
  };
  const element = "vec4<f32>";
  const setup = Array.from({ length: loadsOf(tile).a }, (_, i) => {
    return `  let pixel${i} = tileRow + aRow + ${i}u * aStep;
  let picture${i} = pixel${i} / (params.P * params.Q) * params.H * params.W;
  let top${i} = pixel${i} / params.Q % params.P * params.strideH - params.padH;
  let left${i} = pixel${i} % params.Q * params.strideW - params.padW;`;
  });
  const program = tiledProgram(
    {
      label: "depthwise and 1x1",
      rows: d.N * d.P * d.Q,
      cols: d.K / 4,
      groups: 1,
      depth: d.C,
      operands: [
        { name: "x", element, from: { kind: "input", index: 0 } },
        { name: "shift", element, from: { kind: "input", index: firstBias } },
        { name: "taps", element, from: { kind: "packed", index: 0 } },
        { name: "w", element, from: { kind: "packed", index: 1 } },
      ],
      params: {
        ...{ H: c.H, W: c.W, P: c.P, Q: c.Q, padH: c.pad.h, padW: c.pad.w },
        ...{ strideH: c.stride.h, strideW: c.stride.w },
      },
      functions: windowFunction(c),
      code: {
        setup: `${setup.join("\n")}
  var channel = aVec + firstSlice * ${tile.depth / 4}u;
  var weightRow = bRow + firstSlice * ${tile.depth}u;`,
        a: {
          element,
          value: (i) => `between(picture${i}, top${i}, left${i}, channel)`,
          counts: d.C % tile.depth === 0 ? undefined : () => "channel < params.depth / 4u",
        },
        b: {
          element,
          value: (i) => `w[(weightRow + ${i}u * bStep) * params.cols + tileCol + bVec]`,
        },
        advance: `channel += ${tile.depth / 4}u;
    weightRow += ${tile.depth}u;`,
      },
      steps: convSteps(second),
      out: second.outputs[0],
    },
    tile,
    buildOptions(traits),
  );
  // Of the 1x1 convolution's kernels this one alone packs weights as is expected here.
  const weights = packedOf(second);
  if (!weights.key.includes("conv-gemm")) throw new Error(`unexpected weights: ${weights.key}`);
  return { ...program, packed: [packedOf(first), weights] };
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

const gpu = await openGpu({ kind: options.device });
const rows = [];
const deadline = performance.now() + 1000 * Number(options.seconds);
for (const batch of options.batches.split(",").map(Number)) {
  for (const pair of pairsOf(batch)) {
    if (performance.now() > deadline) break;
    const { first, second } = pair;
    const c = conv2dOf(first);
    const { K } = conv2dOf(second);
    const operands = second.epilogue.flatMap(({ operand }) =>
      operand ? [noise(operand.dims)] : [],
    );
    const data = {
      inputs: [noise(first.inputs[0].dims), undefined, second.constants[2], first.constants[2]],
      operands,
      outputs: second.outputs,
    };
    const product = { M: c.N * c.P * c.Q, N: K, depth: c.C, groups: 1, isHalf: false };
    const tiles = tilesFor(product, gpu.traits).slice(0, Number(options.tiles));
    const programs = [
      pairProgram(pair, gpu.traits),
      ...tiles.map((tile) => fusedProgram(pair, gpu.traits, tile)),
    ];
    const bound = await Promise.all(programs.map((p) => BoundProgram.bind(gpu, p, data)));
    const [expected] = await bound[0].run();
    for (const fused of bound.slice(1)) {
      const error = difference((await fused.run())[0], expected);
      if (!(error < 1e-5)) throw new Error(`the fused kernel differs by ${error}`);
    }
    const timings = await timePrograms(gpu, bound, { warmUpMs: 100, samples: 12, budgetMs: 400 });
    const us = timings.map(({ ms }) => 1000 * spreadOf(ms).median);
    const best = us.indexOf(Math.min(...us.slice(1)));
    const name = `${c.H}x${c.W}, ${c.C} by 3x3/${c.stride.h} to ${K}`;
    const { tileM, tileN, depth, splits } = tiles[best - 1];
    const tile = `${tileM}x${tileN}x${depth} in ${splits}`;
    rows.push({ batch, name, pairUs: us[0], fusedUs: us[best], tile });
    const [both, fused] = [us[0].toFixed(1), us[best].toFixed(1)];
    const gain = (us[0] / us[best]).toFixed(2);
    console.log(`batch ${batch}, ${name}: ${both} us, fused ${fused} (${tile}): ${gain}`);
    for (const b of bound) b.destroy();
  }
}
if (positionals[0]) writeFileSync(positionals[0], JSON.stringify({ device: gpu.info.name, rows }));
process.exit(0);
