import type { Tensor } from "../tensor/index.ts";
import { type Conv2d, conv2dOf, convSteps } from "./conv-problem.ts";
import { stepsAreVectorizable } from "./epilogue.ts";
import { packTaps, scalarLoad } from "./few-channels.ts";
import { type Load, loadsOf, type Tile, tileFits, tileOf } from "./gemm-tile.ts";
import type { BuildOptions, Kernel, Packed, Problem } from "./kernel.ts";
import { packConstant } from "./pack.ts";
import { pixelCode } from "./place.ts";
import { isHalf, tilesFor } from "./tile-choice.ts";
import { tiledProgram } from "./tiled-product.ts";
import { type Buffer, elementOf, needsFloats } from "./wgsl.ts";

/** Packed weights have this many rows more than needed at most, so that slices need no check. */
const deepest = 32;

/**
 * Convolution as a matrix product that is never laid out in memory (implicit GEMM): rows are output
 * pixels (N P Q), columns output channels K, and the sum runs over R, S and C. Channels last,
 * weights known. Method: Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014.
 */
export const convGemm: Kernel = {
  name: "conv-gemm",
  placed: { output: true, inputs: "first" },
  supports(problem) {
    const floats = needsFloats(problem);
    if (floats !== true) return floats;
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
    const depth = c.R * c.S * (c.C / c.G);
    const size = { M: c.N * c.P * c.Q, N: c.K / c.G, depth, groups: c.G, pictures: c.N };
    return tilesFor({ ...size, isHalf: isHalf(problem) }, device);
  },
  fits: (config, _problem, device) => tileFits(tileOf(config), device),
  build(problem, config, options) {
    const c = conv2dOf(problem)!;
    const t = tileOf(config);
    const [x] = problem.inputs;
    const wide = (c.C / c.G) % 4 === 0;
    const pixels = pixelCode(x!, "(params.C / 4u)");
    const picture = pictureCode(c, t, pixels, options);
    const program = tiledProgram(
      {
        label: `conv ${c.R}x${c.S} gemm`,
        rows: c.N * c.P * c.Q,
        cols: c.K / c.G / 4,
        groups: c.G,
        depth: c.R * c.S * (c.C / c.G),
        operands: [
          { name: "x", element: elementOf(x!, wide ? 4 : 1), from: { kind: "input", index: 0 } },
          { name: "w", element: elementOf(x!, 4), from: { kind: "packed", index: 0 } },
          ...(wide ? [] : [taps]),
        ],
        params: { ...sizes(c), ...pixels.params },
        functions: picture.functions ?? "",
        code: {
          setup: `${picture.setup}
  var weightRow = group * params.packedRows + bRow + firstSlice * ${t.depth}u;`,
          a: { element: wide ? elementOf(x!, 4) : "vec4<f32>", ...picture.load },
          b: {
            element: elementOf(x!, 4),
            // Packed weights end with rows of zeros.
            value: (i) => `w[(weightRow + ${i}u * bStep) * params.cols + tileCol + bVec]`,
          },
          advance: `${picture.advance}
    weightRow += ${t.depth}u;`,
        },
        steps: convSteps(problem),
        out: problem.outputs[0]!,
      },
      t,
      options,
    );
    const weights = packProduct(problem);
    return { ...program, packed: wide ? [weights] : [weights, packTaps(c, packedRows(c))] };
  },
};

const taps: Buffer = {
  name: "taps",
  element: "vec4<u32>",
  from: { kind: "packed", index: 1 },
};

function sizes(c: Conv2d): Record<string, number> {
  return {
    ...{ H: c.H, W: c.W, C: c.C, P: c.P, Q: c.Q, R: c.R, S: c.S },
    strideH: c.stride.h,
    strideW: c.stride.w,
    dilationH: c.dilation.h,
    dilationW: c.dilation.w,
    padH: c.pad.h,
    padW: c.pad.w,
    perGroup: c.C / c.G,
    packedRows: packedRows(c),
  };
}

/** A 1x1 convolution without padding is a plain matrix product, whose rows lie in order. */
const isProduct = (c: Conv2d): boolean => c.R * c.S === 1 && windowsStayInside(c);

/** How a thread finds its part of the picture; chosen by the shape of the problem. */
interface Picture {
  readonly functions?: string;
  readonly setup: string;
  readonly load: Omit<Load, "element">;
  readonly advance: string;
}

type Pixels = ReturnType<typeof pixelCode>;

function pictureCode(
  c: Conv2d,
  t: Tile,
  pixels: Pixels,
  { tailor = false }: BuildOptions,
): Picture {
  if ((c.C / c.G) % 4 !== 0) return scalarPicture(t);
  const isExact = tailor && (c.R * c.S * (c.C / c.G)) % t.depth === 0;
  if (isProduct(c)) return productPicture(t, pixels, isExact);
  return windowPicture(t, pixels, {
    isExact,
    isInside: tailor && windowsStayInside(c),
    isStraight: tailor && (c.C / c.G) % t.depth === 0,
  });
}

/** Whether no window reaches over the border. */
function windowsStayInside(c: Conv2d): boolean {
  const end = (size: "h" | "w", outputs: number, kernel: number) =>
    (outputs - 1) * c.stride[size] + (kernel - 1) * c.dilation[size];
  const isPadded = c.pad.h !== 0 || c.pad.w !== 0;
  return !isPadded && end("h", c.P, c.R) < c.H && end("w", c.Q, c.S) < c.W;
}

/**
 * Rows of the product are pixels in order, all of them or some (by strides); the sum runs over
 * channels alone. Drivers take long to compile this, so there is one text for both, which divides
 * only where pixels are left out.
 */
function productPicture(t: Tile, { pitch, first }: Pixels, isExact: boolean): Picture {
  const starts = Array.from({ length: loadsOf(t).a }, (_, i) => {
    return `  var pixel${i} = tileRow + aRow + ${i}u * aStep;
  if (params.P != params.H || params.Q != params.W) {
    let line = pixel${i} / (params.P * params.Q) * params.H
      + pixel${i} / params.Q % params.P * params.strideH;
    pixel${i} = line * params.W + pixel${i} % params.Q * params.strideW;
  }
  let start${i} = pixel${i} * ${pitch} + groupStart;`;
  });
  return {
    setup: `  var channel = aVec + firstSlice * ${t.depth / 4}u;
  let groupStart = group * (params.perGroup / 4u)${first};
${starts.join("\n")}`,
    load: {
      value: (i) => `x[start${i} + channel]`,
      counts: isExact ? undefined : () => "channel < params.depth / 4u",
    },
    advance: `channel += ${t.depth / 4}u;`,
  };
}

/** First row and column of the window of every pixel that this thread loads. */
function windowSetup(t: Tile): string {
  return Array.from({ length: loadsOf(t).a }, (_, i) => {
    return `  let pixel${i} = tileRow + aRow + ${i}u * aStep;
  let picture${i} = pixel${i} / (params.P * params.Q) * params.H * params.W;
  let top${i} = pixel${i} / params.Q % params.P * params.strideH - params.padH;
  let left${i} = pixel${i} % params.Q * params.strideW - params.padW;`;
  }).join("\n");
}

/** What is known of a picture's slices when the shader is written. */
interface Slices {
  /** The last slice ends with the sum. */
  readonly isExact: boolean;
  /** No window reaches over the border. */
  readonly isInside: boolean;
  /** All channels of a slice belong to one tap, so that all threads step alike. */
  readonly isStraight: boolean;
}

/** Four channels side by side per load; the sum runs over channels, then columns, then rows. */
function windowPicture(
  t: Tile,
  { pitch, first }: Pixels,
  { isExact, isInside, isStraight }: Slices,
): Picture {
  const step = t.depth / 4;
  const wrap = `${isStraight ? "if" : "while"} (channel >= params.perGroup / 4u) {
      channel -= params.perGroup / 4u;
      s++;
      if (s == params.S) { s = 0u; r++; }
    }`;
  // Above the top and left of the border wraps around to a large number.
  const checks = (i: number) => [
    ...(isInside
      ? []
      : [
          `top${i} + r * params.dilationH < params.H`,
          `left${i} + s * params.dilationW < params.W`,
        ]),
    ...(isExact ? [] : ["r < params.R"]),
  ];
  const starts = Array.from({ length: loadsOf(t).a }, (_, i) => {
    const pixel = `(picture${i} + top${i} * params.W + left${i}) * ${pitch}${first}`;
    const own = isStraight ? " + aVec" : "";
    return `  let start${i} = ${pixel} + group * (params.perGroup / 4u)${own};`;
  });
  const tap = `(r * params.dilationH * params.W + s * params.dilationW) * ${pitch}`;
  const setup = `${windowSetup(t)}
${starts.join("\n")}
  let first = ${isStraight ? "" : "aVec + "}firstSlice * ${step}u;
  var channel = first % (params.perGroup / 4u);
  var s = first / (params.perGroup / 4u) % params.S;
  var r = first / (params.perGroup / 4u * params.S);`;
  return {
    setup,
    load: {
      value: (i) => `x[start${i} + ${tap} + channel]`,
      counts: isInside && isExact ? undefined : (i) => checks(i).join(" && "),
    },
    advance: `channel += ${step}u;
    ${wrap}`,
  };
}

/** Any number of channels: four loads of one element, each with its own tap. */
function scalarPicture(t: Tile): Picture {
  const start = (i: number) => `(picture${i} + top${i} * params.W + left${i}) * params.C`;
  const { setup, ...load } = scalarLoad(t, start);
  return {
    setup: `${windowSetup(t)}
${setup}
  var first = aVec * 4u + firstSlice * ${t.depth}u;`,
    load,
    advance: `first += ${t.depth}u;`,
  };
}

const packedRows = (c: Conv2d): number => Math.ceil((c.R * c.S * (c.C / c.G)) / deepest) * deepest;

/**
 * Weights [K][C][R][S] as [G][R S C][K], rows padded with zeros to a multiple of `deepest`; they
 * are constant 1 of the problem, and input `input` of the node.
 */
export function packProduct(problem: Problem, input = 1): Packed {
  const c = conv2dOf(problem)!;
  const perGroup = c.C / c.G;
  const filters = c.K / c.G;
  const rows = packedRows(c);
  const taps = c.R * c.S;
  return packConstant({
    tensor: problem.constants[1] as Tensor,
    input,
    layout: `conv-gemm ${c.G}`,
    dtype: problem.inputs[0]!.dtype,
    length: c.G * rows * filters,
    code: {
      params: { rows, filters, taps, perGroup },
      count: c.G * rows * filters,
      body: `  let row = i / params.filters % params.rows;
  let k = i / (params.filters * params.rows) * params.filters + i % params.filters;
  let at = (k * params.perGroup + row % params.perGroup) * params.taps + row / params.perGroup;
  if (row < params.taps * params.perGroup) { put(i, element(at)); }`,
    },
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
