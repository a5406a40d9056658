import { type Conv2d, conv2dOf, convSteps } from "./conv-problem.ts";
import { epilogue, stepsAreVectorizable } from "./epilogue.ts";
import { type Tile, tileFits, tileOf } from "./gemm-tile.ts";
import type { BuildOptions, Config, Dispatch, Kernel, Packed, Problem } from "./kernel.ts";
import { packConstant } from "./pack.ts";
import { pixelCode } from "./place.ts";
import { tilesFor } from "./tile-choice.ts";
import { paysToSpecialize, tiledProgram } from "./tiled-product.ts";
import {
  type Buffer,
  declare,
  elementOf,
  needsFloats,
  spread,
  workgroupArguments,
  workgroupIndex,
} from "./wgsl.ts";
import {
  transformFilter,
  transformFilterCode,
  transformTile,
  type Winograd,
  winograds,
} from "./winograd-matrices.ts";

const threads = 64;

/** Memory for transformed tiles and products of one chunk: it should stay in a large cache. */
const chunkMebibytes = 24;

/** More chunks than this cost more to issue than the cache saves. */
const chunksMax = 24;

/**
 * 3x3 convolution by Winograd's F(4x4, 3x3) or F(2x2, 3x3): transforms tiles of the picture,
 * multiplies 36 (16) small matrices, and transforms back; a quarter (4/9) of the multiplications of
 * the definition. Pictures are taken in chunks of tiles, so that memory stays bounded. Sums and
 * transforms are float32.
 */
export const convWinograd: Kernel = {
  name: "conv-winograd",
  placed: { output: true, inputs: "first" },
  supports(problem) {
    const floats = needsFloats(problem);
    if (floats !== true) return floats;
    const c = conv2dOf(problem);
    if (c?.layout !== "NHWC") return "needs one or two spatial axes, channels last";
    if (c.R !== 3 || c.S !== 3) return `needs a 3x3 kernel, has ${c.R}x${c.S}`;
    const steps = [c.stride, c.dilation].flatMap(({ h, w }) => [h, w]);
    if (steps.some((s) => s !== 1)) return "needs stride 1 and no dilation";
    if (c.G !== 1) return "does not compute groups";
    if (!problem.constants[1]) return "needs weights that are known before the run";
    if (c.C % 4 !== 0 || c.K % 4 !== 0) {
      return `needs multiples of 4 channels, has ${c.C} and ${c.K}`;
    }
    if (sizesThatPay(c).length === 0) return "moves more memory than it saves multiplications";
    return (
      stepsAreVectorizable(convSteps(problem), problem.outputs[0]!) ||
      "a fused operand is not four wide"
    );
  },
  configs(problem, device): readonly Config[] {
    const c = conv2dOf(problem)!;
    return sizesThatPay(c).flatMap((outputs) => {
      const w = winograds[outputs];
      const M = chunkOf(c, w, chunkMebibytes);
      const size = { M, N: c.K, depth: c.C, groups: w.n ** 2, isHalf: false };
      const whole = tilesFor(size, device).filter((config) => config.splits === 1);
      return whole.map((config) => ({ ...config, outputs, chunkMebibytes }));
    });
  },
  fits(config, _problem, device) {
    if (device.isSoftware) return "would compile for longer than it saves on an emulated GPU";
    return tileFits(tileOf(config), device);
  },
  build(problem, config, options) {
    const c = conv2dOf(problem)!;
    const w = winograds[config.outputs as 2 | 4];
    const chunk = chunkOf(c, w, config.chunkMebibytes as number);
    const products = multiply(c, w, chunk, tileOf(config), options);
    // Small layers share the first transform; the last one divides for every output, which
    // constants make cheap.
    const specialize = options.specialize && paysToSpecialize(workOf(c, w, chunk));
    const dispatches: Dispatch[] = [];
    for (let first = 0; first < tilesOf(c, w); first += chunk) {
      dispatches.push(
        transformIn(problem, c, w, first, chunk, { ...options, specialize }),
        ...products,
        transformOut(problem, c, w, first, chunk, options),
      );
    }
    const bytes = 4 * w.n ** 2 * chunk;
    return {
      dispatches,
      scratch: [bytes * c.C, bytes * c.K],
      packed: [packFilters(problem, c, w)],
    };
  },
};

const tilesDown = (c: Conv2d, { m }: Winograd): number => Math.ceil(c.P / m);
const tilesAcross = (c: Conv2d, { m }: Winograd): number => Math.ceil(c.Q / m);
const tilesOf = (c: Conv2d, w: Winograd): number => c.N * tilesDown(c, w) * tilesAcross(c, w);

/** Tiles that are transformed at a time: as equal parts as can be. */
function chunkOf(c: Conv2d, w: Winograd, mebibytes: number): number {
  const most = Math.max(1, Math.floor((mebibytes * 2 ** 20) / (4 * w.n ** 2 * (c.C + c.K))));
  const chunks = Math.min(chunksMax, Math.ceil(tilesOf(c, w) / most));
  return Math.ceil(tilesOf(c, w) / chunks);
}

/** Operations of a chunk's products. */
const workOf = (c: Conv2d, w: Winograd, chunk: number): number => 2 * w.n ** 2 * chunk * c.C * c.K;

/** Operations that take as long as moving a byte, on the H100 and on RDNA1 cards alike. */
const operationsPerByte = 18;

/**
 * The sizes of tiles whose saved multiplications outweigh the memory that the transforms move, the
 * one that saves most first.
 */
function sizesThatPay(c: Conv2d): (2 | 4)[] {
  const direct = 2 * 9 * c.N * c.P * c.Q * c.C * c.K + operationsPerByte * 36 * c.C * c.K;
  const cost = (w: Winograd) => {
    const products = 2 * w.n ** 2 * tilesOf(c, w) * c.C * c.K;
    const bytes = 4 * w.n ** 2 * (2 * tilesOf(c, w) * (c.C + c.K) + c.C * c.K);
    return 1.15 * (products + operationsPerByte * bytes);
  };
  return ([4, 2] as const)
    .filter((m) => cost(winograds[m]) < direct)
    .sort((a, b) => cost(winograds[a]) - cost(winograds[b]));
}

/** Transformed tiles, [tile][n n][C], and products, [tile][n n][K]. */
const tilesBuffer = (write: boolean): Buffer => ({
  name: "tiles",
  element: "vec4<f32>",
  from: { kind: "scratch", index: 0 },
  write,
});
const productsBuffer = (write: boolean): Buffer => ({
  name: "products",
  element: "vec4<f32>",
  from: { kind: "scratch", index: 1 },
  write,
});

/** Statements that find the tile of thread `i` and its place; `vectors` of channels in a pixel. */
function findTile({ m }: Winograd, vectors: string): string {
  return `  let i = (${workgroupIndex}) * ${threads}u + lane;
  if (i >= params.chunk * ${vectors}) { return; }
  let channel = i % ${vectors};
  let inChunk = i / ${vectors};
  let tile = chunk.first + inChunk;
  if (tile >= params.tiles) { return; }
  let n = tile / (params.down * params.across);
  let down = tile / params.across % params.down * ${m}u;
  let across = tile % params.across * ${m}u;`;
}

function chunkParams(c: Conv2d, w: Winograd, chunk: number): Record<string, number> {
  return { chunk, tiles: tilesOf(c, w), down: tilesDown(c, w), across: tilesAcross(c, w) };
}

function transformIn(
  problem: Problem,
  c: Conv2d,
  w: Winograd,
  first: number,
  chunk: number,
  options: BuildOptions,
): Dispatch {
  const element = elementOf(problem.inputs[0]!, 4);
  const pixels = pixelCode(problem.inputs[0]!, "params.C4");
  const head = declare(
    {
      buffers: [{ name: "x", element, from: { kind: "input", index: 0 } }, tilesBuffer(true)],
      params: {
        ...chunkParams(c, w, chunk),
        C4: c.C / 4,
        H: c.H,
        W: c.W,
        padH: c.pad.h,
        padW: c.pad.w,
        ...pixels.params,
      },
      dynamic: { name: "chunk", values: { first } },
    },
    options,
  );
  const transform = transformTile(
    w.input,
    (row, col) => `load(n, top + ${row}u, left + ${col}u, channel)`,
    (row, col, value) => `tiles[base + ${w.n * row + col}u * params.C4] = ${value};`,
  );
  const pixel = `((n * params.H + h) * params.W + w) * ${pixels.pitch}${pixels.first}`;
  const wgsl = `${head.text}
fn load(n: u32, h: u32, w: u32, channel: u32) -> vec4<f32> {
  // Above the top and left of the border wraps around to a large number.
  if (h >= params.H || w >= params.W) { return vec4<f32>(); }
  return vec4<f32>(x[${pixel} + channel]);
}
@compute @workgroup_size(${threads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
${findTile(w, "params.C4")}
  let top = down - params.padH;
  let left = across - params.padW;
  let base = inChunk * ${w.n ** 2}u * params.C4 + channel;
${transform}
}
`;
  const workgroups = spread(Math.ceil((chunk * c.C) / 4 / threads));
  return { label: "winograd tiles", wgsl, bindings: head.bindings, workgroups };
}

/** n^2 matrix products: [tiles][C] by [C][K]. */
function multiply(c: Conv2d, w: Winograd, chunk: number, t: Tile, options: BuildOptions) {
  const isExact = options.tailor === true && c.C % t.depth === 0;
  const { dispatches } = tiledProgram(
    {
      label: "winograd",
      rows: chunk,
      cols: c.K / 4,
      groups: w.n ** 2,
      depth: c.C,
      operands: [
        tilesBuffer(false),
        { name: "filters", element: "vec4<f32>", from: { kind: "packed", index: 0 } },
      ],
      params: { matrices: w.n ** 2 },
      functions: "",
      code: {
        setup: `  var channel = aVec + firstSlice * ${t.depth / 4}u;
  var filterRow = group * params.depth + bRow + firstSlice * ${t.depth}u;`,
        a: {
          element: "vec4<f32>",
          value: (i) => {
            const row = `(tileRow + aRow + ${i}u * aStep) * params.matrices + group`;
            return `tiles[(${row}) * (params.depth / 4u) + channel]`;
          },
          counts: isExact ? undefined : () => "channel < params.depth / 4u",
        },
        b: {
          element: "vec4<f32>",
          // Rows past the last channel are those of other products, times zeros of A.
          value: (i) => `filters[(filterRow + ${i}u * bStep) * params.cols + tileCol + bVec]`,
        },
        advance: `channel += ${t.depth / 4}u;\n    filterRow += ${t.depth}u;`,
      },
      steps: [],
      out: { dtype: "float32", dims: [chunk, w.n ** 2 * c.K] },
      into: productsBuffer(true),
    },
    t,
    options,
  );
  return dispatches;
}

function transformOut(
  problem: Problem,
  c: Conv2d,
  w: Winograd,
  first: number,
  chunk: number,
  options: BuildOptions,
): Dispatch {
  const out = problem.outputs[0]!;
  const tail = epilogue(convSteps(problem), out, 4);
  const head = declare(
    {
      buffers: [
        productsBuffer(false),
        ...tail.buffers,
        { name: "y", element: elementOf(out, 4), from: { kind: "output", index: 0 }, write: true },
      ],
      params: { ...chunkParams(c, w, chunk), K4: c.K / 4, P: c.P, Q: c.Q, ...tail.params },
      dynamic: { name: "chunk", values: { first } },
    },
    options,
  );
  const transform = transformTile(
    w.output,
    (row, col) => `products[base + ${w.n * row + col}u * params.K4]`,
    (row, col, value) => `store(n, down + ${row}u, across + ${col}u, channel, ${value});`,
  );
  const wgsl = `${head.text}
${tail.text}
fn store(n: u32, p: u32, q: u32, channel: u32, value: vec4<f32>) {
  if (p >= params.P || q >= params.Q) { return; }
  let at = ((n * params.P + p) * params.Q + q) * params.K4 + channel;
  y[${tail.placed("at")}] = ${elementOf(out, 4)}(epilogue(value, at * 4u));
}
@compute @workgroup_size(${threads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
${findTile(w, "params.K4")}
  let base = inChunk * ${w.n ** 2}u * params.K4 + channel;
${transform}
}
`;
  const workgroups = spread(Math.ceil((chunk * c.K) / 4 / threads));
  return { label: "winograd outputs", wgsl, bindings: head.bindings, workgroups };
}

/** Weights [K][C][3][3], transformed, as [n n][C][K]; in float32, for float16 loses too much. */
function packFilters(problem: Problem, c: Conv2d, w: Winograd): Packed {
  return packConstant({
    tensor: problem.constants[1]!,
    input: 1,
    layout: `winograd ${w.m}x${w.m}`,
    dtype: "float32",
    length: w.n ** 2 * c.C * c.K,
    code: {
      params: { C: c.C, K: c.K },
      count: c.C * c.K,
      body: `  let start = (i % params.K * params.C + i / params.K) * 9u;
${transformFilterCode(w, "element(start + ", "put(i + ", "params.C * params.K")}`,
    },
    fill(from, to) {
      for (let k = 0; k < c.K; k++) {
        for (let ch = 0; ch < c.C; ch++) {
          transformFilter(w, from, (k * c.C + ch) * 9, to, ch * c.K + k, c.C * c.K);
        }
      }
    },
  });
}
