import { type Layout, pictureDims, pictureOf } from "../kernels/geometry.ts";
import { stridedCopy } from "../kernels/strided-copy.ts";
import { type Shape, stridesOf } from "../tensor/index.ts";
import { int, oneOf } from "./attributes.ts";
import { random } from "./case.ts";
import { defineOp } from "./define.ts";
import { pick } from "./indexing.ts";

/** Sizes of a picture, by letter. */
function sizesOf(dims: Shape, layout: Layout, blocksize: number) {
  if (dims.length !== 4) throw new Error(`the input has ${dims.length} axes, needs 4`);
  if (blocksize < 1) throw new Error(`blocksize is ${blocksize}, needs 1 or more`);
  const { batch: N, channels: C, spatial } = pictureOf(dims, layout);
  return { N, C, H: spatial[0]!, W: spatial[1]! };
}

/** Strides of a picture, by letter. */
function pictureStrides(dims: Shape, layout: Layout) {
  const [n, a, b, c] = stridesOf(dims) as [number, number, number, number];
  return layout === "NCHW" ? { N: n, C: a, H: b, W: c } : { N: n, H: a, W: b, C: c };
}

/** One axis of a walk: its size and how far apart its elements lie in the input. */
type Axis = readonly [size: number, stride: number];

/** The walk of an output whose axes lie in the given order. */
function walkOf(axes: readonly Axis[]) {
  return { dims: axes.map((a) => a[0]), strides: axes.map((a) => a[1]), offset: 0 };
}

/** The index of a picture's element in either layout. */
const pictureIndex = (layout: Layout, n: number, c: number, h: number, w: number) =>
  pictureDims(n, c, [h, w], layout);

const layoutAttribute = oneOf("NCHW", "NHWC");

const twoByTwo = {
  depth: Array.from({ length: 24 }, (_, i) => i),
  space: [0, 6, 1, 7, 2, 8, 12, 18, 13, 19, 14, 20, 3, 9, 4, 10, 5, 11, 15, 21, 16, 22, 17, 23],
};

export const depthToSpace = defineOp({
  name: "DepthToSpace",
  opsets: [1, 11, 13],
  summary: "channels become blocks of pixels (pixel shuffle), block first (DCR) or last (CRD)",
  attributes: { blocksize: int(), mode: oneOf("DCR", "CRD"), layout: layoutAttribute },
  inputs: [1, 1],
  infer({ inputs, attributes: { blocksize, layout } }) {
    const { dtype, dims } = inputs[0]!;
    const { N, C, H, W } = sizesOf(dims, layout, blocksize);
    if (C % blocksize ** 2 !== 0) {
      throw new Error(`${C} channels are no multiple of blocksize squared, ${blocksize ** 2}`);
    }
    const spatial = [H * blocksize, W * blocksize];
    return [{ dtype, dims: pictureDims(N, C / blocksize ** 2, spatial, layout) }];
  },
  reference([x], { blocksize: b, mode, layout }, [out]) {
    const K = pictureOf(out!.dims, layout).channels;
    return [
      pick(x!, out!.dims, (at) => {
        const { batch, channels: k, spatial } = pictureOf(at, layout);
        const [p, q] = spatial as [number, number];
        const cell = (p % b) * b + (q % b);
        const c = mode === "DCR" ? cell * K + k : k * b * b + cell;
        return pictureIndex(layout, batch, c, Math.floor(p / b), Math.floor(q / b));
      }),
    ];
  },
  kernels: [
    stridedCopy(({ inputs, attributes }) => {
      const layout = attributes.layout as Layout;
      const b = attributes.blocksize as number;
      const { dims } = inputs[0]!;
      const { N, C, H, W } = sizesOf(dims, layout, b);
      const stride = pictureStrides(dims, layout);
      const K = C / (b * b);
      const [k, row, column] = attributes.mode === "DCR" ? [1, b * K, K] : [b * b, b, 1];
      const channels: Axis = [K, k * stride.C];
      const pixels: Axis[] = [
        [H, stride.H],
        [b, row * stride.C],
        [W, stride.W],
        [b, column * stride.C],
      ];
      const rest = layout === "NCHW" ? [channels, ...pixels] : [...pixels, channels];
      return [{ input: 0, output: 0, from: walkOf([[N, stride.N], ...rest]) }];
    }),
  ],
  traits: { acceptsEpilogue: true, layout: "spatial" },
  cases: [
    {
      name: "DCR",
      inputs: [{ dims: [1, 4, 2, 3], values: twoByTwo.depth }],
      attributes: { blocksize: 2 },
      expected: [twoByTwo.space],
    },
    {
      name: "CRD of several channels",
      inputs: [{ dims: [1, 8, 1, 1], values: [0, 1, 2, 3, 4, 5, 6, 7] }],
      attributes: { blocksize: 2, mode: "CRD" },
      expected: [[0, 1, 2, 3, 4, 5, 6, 7]],
    },
    {
      name: "DCR of several channels",
      inputs: [{ dims: [1, 8, 1, 1], values: [0, 1, 2, 3, 4, 5, 6, 7] }],
      attributes: { blocksize: 2 },
      expected: [[0, 2, 4, 6, 1, 3, 5, 7]],
    },
    {
      name: "CRD, odd",
      inputs: [random([2, 27, 3, 5])],
      attributes: { blocksize: 3, mode: "CRD" },
    },
    {
      name: "channels last, DCR, aligned",
      inputs: [random([2, 3, 5, 16])],
      attributes: { blocksize: 2, layout: "NHWC" },
    },
    {
      name: "channels last, CRD",
      inputs: [random([1, 4, 4, 12])],
      attributes: { blocksize: 2, mode: "CRD", layout: "NHWC" },
    },
  ],
});

export const spaceToDepth = defineOp({
  name: "SpaceToDepth",
  opsets: [1, 13],
  summary: "blocks of pixels become channels, the block's place first",
  attributes: { blocksize: int(), layout: layoutAttribute },
  inputs: [1, 1],
  infer({ inputs, attributes: { blocksize, layout } }) {
    const { dtype, dims } = inputs[0]!;
    const { N, C, H, W } = sizesOf(dims, layout, blocksize);
    if (H % blocksize !== 0 || W % blocksize !== 0) {
      throw new Error(`a picture of ${H}x${W} has no whole blocks of ${blocksize}x${blocksize}`);
    }
    const spatial = [H / blocksize, W / blocksize];
    return [{ dtype, dims: pictureDims(N, C * blocksize ** 2, spatial, layout) }];
  },
  reference([x], { blocksize: b, layout }, [out]) {
    const C = pictureOf(x!.dims, layout).channels;
    return [
      pick(x!, out!.dims, (at) => {
        const { batch, channels: k, spatial } = pictureOf(at, layout);
        const [p, q] = spatial as [number, number];
        const cell = Math.floor(k / C);
        const h = p * b + Math.floor(cell / b);
        return pictureIndex(layout, batch, k % C, h, q * b + (cell % b));
      }),
    ];
  },
  kernels: [
    stridedCopy(({ inputs, attributes }) => {
      const layout = attributes.layout as Layout;
      const b = attributes.blocksize as number;
      const { dims } = inputs[0]!;
      const { N, C, H, W } = sizesOf(dims, layout, b);
      const stride = pictureStrides(dims, layout);
      const channels: Axis[] = [
        [b, stride.H],
        [b, stride.W],
        [C, stride.C],
      ];
      const pixels: Axis[] = [
        [H / b, b * stride.H],
        [W / b, b * stride.W],
      ];
      const rest = layout === "NCHW" ? [...channels, ...pixels] : [...pixels, ...channels];
      return [{ input: 0, output: 0, from: walkOf([[N, stride.N], ...rest]) }];
    }),
  ],
  traits: { acceptsEpilogue: true, layout: "spatial" },
  cases: [
    {
      name: "worked",
      inputs: [{ dims: [1, 1, 4, 6], values: twoByTwo.space }],
      attributes: { blocksize: 2 },
      expected: [twoByTwo.depth],
    },
    { name: "odd", inputs: [random([2, 3, 6, 9])], attributes: { blocksize: 3 } },
    {
      name: "channels last, aligned",
      inputs: [random([2, 4, 6, 8])],
      attributes: { blocksize: 2, layout: "NHWC" },
    },
  ],
});
