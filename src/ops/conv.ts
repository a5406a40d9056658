import { convDepthwise } from "../kernels/conv-depthwise.ts";
import { convDirect } from "../kernels/conv-direct.ts";
import { convGemm } from "../kernels/conv-gemm.ts";
import {
  type AutoPad,
  type Layout,
  pictureDims,
  pictureOf,
  type Window,
  windowOf,
} from "../kernels/geometry.ts";
import type { Shape } from "../tensor/index.ts";
import { int, intList, oneOf } from "./attributes.ts";
import { type OpCase, random, weight } from "./case.ts";
import { defineOp, type Ndarray } from "./define.ts";
import { forEachIndex } from "./loops.ts";

const attributes = {
  auto_pad: oneOf("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
  dilations: intList([]),
  group: int(1),
  kernel_shape: intList([]),
  pads: intList([]),
  strides: intList([]),
  layout: oneOf("NCHW", "NHWC"),
};

interface ConvAttributes {
  readonly auto_pad: AutoPad;
  readonly dilations: readonly number[];
  readonly group: number;
  readonly kernel_shape: readonly number[];
  readonly pads: readonly number[];
  readonly strides: readonly number[];
  readonly layout: Layout;
}

/** Checks that input, weights and attributes fit each other; the window they make. */
function geometry(x: Shape, w: Shape, a: ConvAttributes): Window {
  const { channels, spatial } = pictureOf(x, a.layout);
  if (x.length < 3 || w.length !== x.length) {
    throw new Error(`the input has ${x.length} axes and the weights ${w.length}; both need 3 to 5`);
  }
  if (x.length > 5) throw new Error("more than three spatial axes are not supported");
  if (channels !== w[1]! * a.group) {
    throw new Error(
      `weights expect ${w[1]} input channels per group in ${a.group} groups, input has ${channels}`,
    );
  }
  if (w[0]! % a.group !== 0) {
    throw new Error(`${w[0]} output channels do not divide into ${a.group} groups`);
  }
  return windowOf(spatial, w.slice(2), a);
}

/** Cross-correlation, as ONNX and PyTorch define convolution. */
export const conv = defineOp({
  name: "Conv",
  opsets: [1, 11, 22],
  summary: "convolution: weights slide over a picture; groups, depthwise, dilation, padding",
  attributes,
  inputs: [2, 3],
  infer({ inputs: [x, w, b], attributes: a }) {
    const window = geometry(x!.dims, w!.dims, a);
    const channels = w!.dims[0]!;
    if (b && (b.dims.length !== 1 || b.dims[0] !== channels)) {
      throw new Error(`the bias has ${b.dims.join("x")} elements, needs ${channels}`);
    }
    const { batch } = pictureOf(x!.dims, a.layout);
    return [{ dtype: x!.dtype, dims: pictureDims(batch, channels, window.output, a.layout) }];
  },
  reference([x, w, b], a) {
    return [convolve(x!, w!, b, a)];
  },
  kernels: [convGemm, convDepthwise, convDirect],
  traits: { acceptsEpilogue: true, layout: "spatial" },
  cases: convCases(),
});

function convolve(x: Ndarray, w: Ndarray, b: Ndarray | undefined, a: ConvAttributes): Float64Array {
  const window = geometry(x.dims, w.dims, a);
  const { batch, channels, spatial } = pictureOf(x.dims, a.layout);
  const filters = w.dims[0]!;
  const perGroup = w.dims[1]!;
  const [sx, sy] = [spatial, window.output].map((s, i) =>
    walk(i === 0 ? channels : filters, s, a.layout),
  ) as [Walk, Walk];
  const taps = window.kernel.reduce((p, k) => p * k, 1);
  const out = new Float64Array(batch * sy.total);
  for (let n = 0; n < batch; n++) {
    for (let k = 0; k < filters; k++) {
      const group = Math.floor(k / (filters / a.group));
      forEachIndex(window.output, (at) => {
        let sum = b ? b.data[k]! : 0;
        forEachIndex(window.kernel, (tap, tapIndex) => {
          let from = n * sx.total;
          for (let i = 0; i < tap.length; i++) {
            const p =
              at[i]! * window.strides[i]! + tap[i]! * window.dilations[i]! - window.padsBegin[i]!;
            if (p < 0 || p >= spatial[i]!) return;
            from += p * sx.spatial[i]!;
          }
          for (let c = 0; c < perGroup; c++) {
            const weightAt = (k * perGroup + c) * taps + tapIndex;
            sum += x.data[from + (group * perGroup + c) * sx.channel]! * w.data[weightAt]!;
          }
        });
        let to = n * sy.total + k * sy.channel;
        for (let i = 0; i < at.length; i++) to += at[i]! * sy.spatial[i]!;
        out[to] = sum;
      });
    }
  }
  return out;
}

interface Walk {
  readonly channel: number;
  readonly spatial: readonly number[];
  readonly total: number;
}

/** Strides of one picture of the batch. */
function walk(channels: number, spatial: readonly number[], layout: Layout): Walk {
  const pixels = spatial.reduce((p, s) => p * s, 1);
  const inner = layout === "NHWC" ? channels : 1;
  const strides = spatial.map((_, i) => inner * spatial.slice(i + 1).reduce((p, s) => p * s, 1));
  return { channel: layout === "NHWC" ? 1 : pixels, spatial: strides, total: channels * pixels };
}

function convCases(): OpCase[] {
  const nhwc = { layout: "NHWC" };
  const one = (
    name: string,
    x: number[],
    w: number[],
    more: OpCase["attributes"] = {},
  ): OpCase => ({
    name,
    inputs: [random(x), weight(w)],
    attributes: more,
  });
  return [
    {
      name: "worked by hand",
      inputs: [
        { dims: [1, 1, 3, 3], values: [0, 1, 2, 3, 4, 5, 6, 7, 8] },
        { dims: [1, 1, 2, 2], values: [1, 1, 1, 2], constant: true },
        { dims: [1], values: [10], constant: true },
      ],
      expected: [[22, 27, 37, 42]],
    },
    one("3x3 padded, channels first", [2, 3, 7, 6], [5, 3, 3, 3], { pads: [1, 1, 1, 1] }),
    one("1-D", [2, 4, 9], [6, 4, 3], { strides: [2], pads: [1, 0] }),
    one("3-D", [1, 2, 4, 5, 6], [3, 2, 2, 3, 3], { pads: [1, 1, 1, 0, 1, 1] }),
    one("same upper", [1, 2, 7, 8], [4, 2, 3, 3], { auto_pad: "SAME_UPPER", strides: [2, 2] }),
    one("same lower", [1, 2, 7, 8], [4, 2, 4, 4], { auto_pad: "SAME_LOWER", strides: [2, 2] }),
    one("3x3, channels last", [2, 9, 7, 8], [20, 8, 3, 3], { ...nhwc, pads: [1, 1, 1, 1] }),
    one("1x1, channels last", [2, 5, 5, 36], [40, 36, 1, 1], nhwc),
    one("1x1 strided", [1, 7, 7, 8], [12, 8, 1, 1], { ...nhwc, strides: [2, 2] }),
    one("first layer", [1, 15, 14, 3], [16, 3, 7, 7], {
      ...nhwc,
      strides: [2, 2],
      pads: [3, 3, 3, 3],
    }),
    one("odd channels", [1, 6, 5, 7], [9, 7, 3, 3], { ...nhwc, pads: [1, 1, 1, 1] }),
    one("dilated, asymmetric", [1, 12, 11, 4], [8, 4, 3, 2], {
      ...nhwc,
      dilations: [2, 3],
      pads: [2, 0, 1, 3],
    }),
    one("groups", [1, 6, 6, 16], [24, 8, 3, 3], { ...nhwc, group: 2, pads: [1, 1, 1, 1] }),
    one("groups of odd size", [1, 5, 5, 6], [9, 2, 3, 3], { ...nhwc, group: 3 }),
    one("1-D, channels last", [2, 17, 8], [12, 8, 5], { ...nhwc, pads: [2, 2] }),
    one("deep", [1, 4, 4, 100], [36, 100, 1, 1], nhwc),
    {
      name: "bias",
      inputs: [random([1, 5, 6, 8]), weight([12, 8, 3, 3]), weight([12])],
      attributes: { ...nhwc, pads: [1, 1, 1, 1] },
    },
    {
      name: "weights computed at run time",
      inputs: [random([1, 5, 6, 8]), random([12, 8, 3, 3]), random([12])],
      attributes: { ...nhwc, pads: [1, 1, 1, 1] },
    },
    {
      name: "depthwise",
      inputs: [random([2, 9, 8, 12]), weight([12, 1, 3, 3]), weight([12])],
      attributes: { ...nhwc, group: 12, pads: [1, 1, 1, 1] },
    },
    one("depthwise 5x5 strided", [1, 11, 10, 8], [8, 1, 5, 5], {
      ...nhwc,
      group: 8,
      pads: [2, 2, 2, 2],
      strides: [2, 2],
    }),
    one("depthwise, odd channels", [1, 6, 7, 5], [5, 1, 3, 3], { ...nhwc, group: 5 }),
    one("depthwise with multiplier", [1, 6, 7, 4], [8, 1, 3, 3], { ...nhwc, group: 4 }),
    one("empty batch", [0, 3, 3, 4], [4, 4, 1, 1], nhwc),
  ];
}
