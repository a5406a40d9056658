import type { Tensor } from "../tensor/index.ts";
import { type Conv2d, conv2dOf, convSteps } from "./conv-problem.ts";
import { epilogue, stepsAreVectorizable } from "./epilogue.ts";
import {
  loadsOf,
  type Tile,
  type TileCode,
  threadsOf,
  tileBody,
  tileFits,
  tileMemory,
  tileOf,
  tilesFor,
} from "./gemm-tile.ts";
import type { Config, Kernel, Packed, Problem } from "./kernel.ts";
import { packConstant } from "./pack.ts";
import { declare, elementOf, onGpu, spread, workgroupArguments, workgroupIndex } from "./wgsl.ts";

/** Packed weights have this many rows more than needed at most, so that slices need no check. */
const deepest = 32;

/**
 * Convolution as a matrix product that is never laid out in memory (implicit GEMM): rows are output
 * pixels (N P Q), columns output channels K, and the sum runs over R, S and C. Channels last,
 * weights known. Method: Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014.
 */
export const convGemm: Kernel = {
  name: "conv-gemm",
  supports(problem) {
    if (![...problem.inputs, ...problem.outputs].every(onGpu)) {
      return "computes float32 and float16 only";
    }
    const c = conv2dOf(problem);
    if (c?.layout !== "NHWC") return "needs one or two spatial axes, channels last";
    if (!problem.constants[1]) return "needs weights that are known before the run";
    if ((c.K / c.G) % 4 !== 0) return `needs a multiple of 4 filters per group, has ${c.K / c.G}`;
    if (c.G > 1 && (c.C / c.G) % 4 !== 0) {
      return `needs a multiple of 4 channels per group, has ${c.C / c.G}`;
    }
    if (c.G > 1 && c.C / c.G < 8) return "has too few channels per group for a matrix product";
    return (
      stepsAreVectorizable(convSteps(problem), problem.outputs[0]!) ||
      "a fused operand is not four wide"
    );
  },
  configs(problem, device) {
    const c = conv2dOf(problem)!;
    return tilesFor(c.N * c.P * c.Q, c.K / c.G, device) as readonly unknown[] as readonly Config[];
  },
  fits: (config, _problem, device) => tileFits(tileOf(config), device),
  build(problem, config, options) {
    const c = conv2dOf(problem)!;
    const t = tileOf(config);
    const [x] = problem.inputs;
    const out = problem.outputs[0]!;
    const wide = (c.C / c.G) % 4 === 0;
    const tail = epilogue(convSteps(problem), out, 4);
    const tiles = gridOf(c, t);
    const picture = pictureCode(c, t);
    const head = declare(
      {
        buffers: [
          { name: "x", element: elementOf(x!, wide ? 4 : 1), from: { kind: "input", index: 0 } },
          { name: "w", element: elementOf(x!, 4), from: { kind: "packed", index: 0 } },
          ...tail.buffers,
          {
            name: "y",
            element: elementOf(out, 4),
            from: { kind: "output", index: 0 },
            write: true,
          },
        ],
        params: { ...sizes(c, t), ...tail.params },
      },
      options,
    );
    const wgsl = `${head.text}
${tileMemory(t)}
${tail.text}
${picture.functions}
${weightsFunction}
@compute @workgroup_size(${threadsOf(t)})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let tile = ${workgroupIndex};
  if (tile >= params.tiles) { return; }
  let group = tile / params.tilesPerGroup;
  let tileRow = tile % params.tilesPerGroup / params.tilesAcross * ${t.tileM}u;
  let tileCol = tile % params.tilesAcross * ${t.tileN / 4}u;
  let slices = params.slices;
${tileBody(t, tileCode(t, picture, elementOf(out, 4)))}}
`;
    return {
      dispatches: [
        {
          label: `conv ${c.R}x${c.S} gemm ${t.tileM}x${t.tileN}x${t.depth}`,
          wgsl,
          bindings: head.bindings,
          workgroups: spread(tiles),
        },
      ],
      packed: [packWeights(problem, c)],
    };
  },
};

const gridOf = (c: Conv2d, t: Tile): number =>
  c.G * Math.ceil((c.N * c.P * c.Q) / t.tileM) * Math.ceil(c.K / c.G / t.tileN);

function sizes(c: Conv2d, t: Tile): Record<string, number> {
  const perGroup = c.C / c.G;
  const filters = c.K / c.G;
  const across = Math.ceil(filters / t.tileN);
  return {
    ...{ N: c.N, H: c.H, W: c.W, C: c.C, K: c.K, P: c.P, Q: c.Q, R: c.R, S: c.S },
    strideH: c.stride.h,
    strideW: c.stride.w,
    dilationH: c.dilation.h,
    dilationW: c.dilation.w,
    padH: c.pad.h,
    padW: c.pad.w,
    rows: c.N * c.P * c.Q,
    perGroup,
    /** Vectors of four output channels in a group. */
    filters: filters / 4,
    depth: c.R * c.S * perGroup,
    slices: Math.ceil((c.R * c.S * perGroup) / t.depth),
    packedRows: packedRows(c),
    tilesAcross: across,
    tilesPerGroup: across * Math.ceil((c.N * c.P * c.Q) / t.tileM),
    tiles: gridOf(c, t),
  };
}

/** A 1x1 convolution without stride or padding is a plain matrix product: rows lie in order. */
const isProduct = (c: Conv2d): boolean =>
  c.R * c.S === 1 && c.stride.h * c.stride.w === 1 && c.P === c.H && c.Q === c.W;

/** How a thread finds its part of the picture; chosen by the shape of the problem. */
interface Picture {
  readonly functions: string;
  readonly setup: string;
  readonly load: (i: number) => string;
  readonly advance: string;
}

function pictureCode(c: Conv2d, t: Tile): Picture {
  if ((c.C / c.G) % 4 !== 0) return scalarPicture(t);
  return isProduct(c) ? productPicture(t) : windowPicture(t);
}

/** Rows of the product are pixels in order; the sum runs over channels alone. */
function productPicture(t: Tile): Picture {
  return {
    functions: `fn loadPicture(row: u32, channel: u32, group: u32) -> vec4<f32> {
  if (row >= params.rows || channel >= params.depth / 4u) { return vec4<f32>(); }
  return vec4<f32>(x[row * (params.C / 4u) + group * (params.perGroup / 4u) + channel]);
}`,
    setup: "  var channel = aVec;",
    load: (i) => `loadPicture(tileRow + aRow + ${i}u * aStep, channel, group)`,
    advance: `channel += ${t.depth / 4}u;`,
  };
}

/** First row and column of the window of every pixel that this thread loads. */
function windowSetup(t: Tile): string {
  return Array.from({ length: loadsOf(t).a }, (_, i) => {
    return `  let pixel${i} = tileRow + aRow + ${i}u * aStep;
  let picture${i} = pixel${i} / (params.P * params.Q) * params.H * params.W;
  // Rows past the end start far outside, so that they load zeros.
  let top${i} = select(0x40000000u,
    pixel${i} / params.Q % params.P * params.strideH - params.padH, pixel${i} < params.rows);
  let left${i} = pixel${i} % params.Q * params.strideW - params.padW;`;
  }).join("\n");
}

/** Four channels side by side per load; the sum runs over channels, then columns, then rows. */
function windowPicture(t: Tile): Picture {
  const wrap = `while (channel >= params.perGroup / 4u) {
      channel -= params.perGroup / 4u;
      s++;
      if (s == params.S) { s = 0u; r++; }
    }`;
  return {
    functions: `fn loadPicture(h: u32, w: u32, picture: u32, channel: u32) -> vec4<f32> {
  // Above the top and left of the border wraps around to a large number.
  if (h >= params.H || w >= params.W) { return vec4<f32>(); }
  return vec4<f32>(x[(picture + h * params.W + w) * (params.C / 4u) + channel]);
}`,
    setup: `${windowSetup(t)}
  var channel = aVec;
  var r = 0u;
  var s = 0u;
  ${wrap}`,
    load: (i) =>
      `loadPicture(select(0x40000000u, top${i} + r * params.dilationH, r < params.R),
      left${i} + s * params.dilationW, picture${i}, group * (params.perGroup / 4u) + channel)`,
    advance: `channel += ${t.depth / 4}u;
    ${wrap}`,
  };
}

/** Any number of channels: four loads of one element, each with its own tap. */
function scalarPicture(t: Tile): Picture {
  return {
    functions: `fn loadPicture(top: u32, left: u32, picture: u32, first: u32) -> vec4<f32> {
  var value = vec4<f32>();
  for (var i = 0u; i < 4u; i++) {
    let tap = (first + i) / params.perGroup;
    let h = top + tap / params.S * params.dilationH;
    let w = left + tap % params.S * params.dilationW;
    if (h < params.H && w < params.W && first + i < params.depth) {
      value[i] = f32(x[(picture + h * params.W + w) * params.C + (first + i) % params.perGroup]);
    }
  }
  return value;
}`,
    setup: `${windowSetup(t)}
  var first = aVec * 4u;`,
    load: (i) => `loadPicture(top${i}, left${i}, picture${i}, first)`,
    advance: `first += ${t.depth}u;`,
  };
}

const weightsFunction = `fn loadWeights(row: u32, col: u32, group: u32) -> vec4<f32> {
  if (col >= params.filters) { return vec4<f32>(); }
  return vec4<f32>(w[(group * params.packedRows + row) * params.filters + col]);
}`;

/** What the tiled product needs to be told: pictures as A, weights as B. */
function tileCode(t: Tile, picture: Picture, element: string): TileCode {
  return {
    setup: `${picture.setup}
  var weightRow = bRow;`,
    loadA: picture.load,
    loadB: (i) => `loadWeights(weightRow + ${i}u * bStep, tileCol + bVec, group)`,
    advance: `${picture.advance}
    weightRow += ${t.depth}u;`,
    store: `if (row < params.rows && col < params.filters) {
      let at = row * params.K + (group * params.filters + col) * 4u;
      y[at / 4u] = ${element}(epilogue(value, at));
    }`,
  };
}

const packedRows = (c: Conv2d): number => Math.ceil((c.R * c.S * (c.C / c.G)) / deepest) * deepest;

/** Weights [K][C][R][S] as [G][R S C][K], rows padded with zeros to a multiple of `deepest`. */
function packWeights(problem: Problem, c: Conv2d): Packed {
  const perGroup = c.C / c.G;
  const filters = c.K / c.G;
  const rows = packedRows(c);
  const taps = c.R * c.S;
  return packConstant({
    tensor: problem.constants[1] as Tensor,
    input: 1,
    layout: `conv-gemm ${c.G}`,
    dtype: problem.inputs[0]!.dtype,
    length: c.G * rows * filters,
    fill(from, to) {
      for (let k = 0; k < c.K; k++) {
        const group = Math.floor(k / filters);
        const base = group * rows * filters + (k % filters);
        for (let ch = 0; ch < perGroup; ch++) {
          for (let tap = 0; tap < taps; tap++) {
            to[base + (tap * perGroup + ch) * filters] = from[(k * perGroup + ch) * taps + tap]!;
          }
        }
      }
    },
  });
}
