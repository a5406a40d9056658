import { convComputed } from "../kernels/conv-computed.ts";
import { convDepthwise } from "../kernels/conv-depthwise.ts";
import { convDirect } from "../kernels/conv-direct.ts";
import { convGemm } from "../kernels/conv-gemm.ts";
import { convWinograd } from "../kernels/conv-winograd.ts";
import {
  type AutoPad,
  type Layout,
  pictureDims,
  pictureOf,
  type Window,
  windowOf,
} from "../kernels/geometry.ts";
import { type Shape, sizeOf } from "../tensor/index.ts";
import { int, intList, oneOf } from "./attributes.ts";
import { convCases } from "./conv-cases.ts";
import { defineOp, type Elements } from "./define.ts";
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
  if (a.group < 1) throw new Error(`group must be 1 or more, not ${a.group}`);
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
    const { size, at } = convolution(x!, w!, b, a);
    return [new Float64Array(size).map((_, i) => at(i))];
  },
  referenceAt([x, w, b], a, _outputs, indices) {
    const { at } = convolution(x!, w!, b, a);
    return Float64Array.from(indices, at);
  },
  flop: ([, w], y) => 2 * sizeOf(y) * sizeOf(w!.slice(1)),
  kernels: [convWinograd, convGemm, convDepthwise, convComputed, convDirect],
  traits: { acceptsEpilogue: true, layout: "spatial" },
  cases: convCases,
});

/** The output's size, and each of its elements by flat index. */
function convolution(x: Elements, w: Elements, b: Elements | undefined, a: ConvAttributes) {
  const window = geometry(x.dims, w.dims, a);
  const { batch, channels, spatial } = pictureOf(x.dims, a.layout);
  const filters = w.dims[0]!;
  const perGroup = w.dims[1]!;
  const sx = walk(channels, spatial, a.layout);
  const sy = walk(filters, window.output, a.layout);
  const taps = window.kernel.reduce((p, k) => p * k, 1);
  const { strides, dilations, padsBegin, output } = window;
  const at = (index: number): number => {
    const n = Math.floor(index / sy.total);
    const k = Math.floor(index / sy.channel) % filters;
    const group = Math.floor(k / (filters / a.group));
    const place = output.map((size, i) => Math.floor(index / sy.spatial[i]!) % size);
    let sum = b ? b.data[k]! : 0;
    forEachIndex(window.kernel, (tap, tapIndex) => {
      let from = n * sx.total;
      for (let i = 0; i < tap.length; i++) {
        const p = place[i]! * strides[i]! + tap[i]! * dilations[i]! - padsBegin[i]!;
        if (p < 0 || p >= spatial[i]!) return;
        from += p * sx.spatial[i]!;
      }
      for (let c = 0; c < perGroup; c++) {
        const weightAt = (k * perGroup + c) * taps + tapIndex;
        sum += x.data[from + (group * perGroup + c) * sx.channel]! * w.data[weightAt]!;
      }
    });
    return sum;
  };
  return { size: batch * sy.total, at };
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
