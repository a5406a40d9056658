import { convGradInput } from "../kernels/conv-grad-input.ts";
import { convTransposeGather } from "../kernels/conv-transpose.ts";
import { type AutoPad, type Layout, pictureDims, pictureOf } from "../kernels/geometry.ts";
import { transposedWindowOf } from "../kernels/transposed-window.ts";
import { type Shape, sizeOf, stridesOf } from "../tensor/index.ts";
import { int, intList, oneOf } from "./attributes.ts";
import { type OpCase, random, weight } from "./case.ts";
import { defineOp, type Ndarray } from "./define.ts";
import { forEachIndex } from "./loops.ts";

interface Attributes {
  readonly auto_pad: AutoPad;
  readonly dilations: readonly number[];
  readonly group: number;
  readonly kernel_shape: readonly number[];
  readonly output_padding: readonly number[];
  readonly output_shape: readonly number[];
  readonly pads: readonly number[];
  readonly strides: readonly number[];
  readonly layout: Layout;
}

function geometry(x: Shape, w: Shape, a: Attributes) {
  const { channels, spatial } = pictureOf(x, a.layout);
  if (x.length < 3 || x.length > 5 || w.length !== x.length) {
    throw new Error(`the input has ${x.length} axes and the weights ${w.length}; both need 3 to 5`);
  }
  if (channels !== w[0]) {
    throw new Error(`weights expect ${w[0]} input channels, input has ${channels}`);
  }
  if (a.group < 1) throw new Error(`group must be 1 or more, not ${a.group}`);
  if (channels % a.group !== 0) {
    throw new Error(`${channels} input channels do not divide into ${a.group} groups`);
  }
  return transposedWindowOf(spatial, w.slice(2), a);
}

/** Scatters every input pixel through the weights: the definition, and the gradient of Conv. */
function scatter(x: Ndarray, w: Ndarray, b: Ndarray | undefined, a: Attributes, outDims: Shape) {
  const window = geometry(x.dims, w.dims, a);
  const yStrides = stridesOf(outDims);
  const first = a.layout === "NHWC" ? 1 : 2;
  const channelAxis = a.layout === "NHWC" ? x.dims.length - 1 : 1;
  const perGroupOut = w.dims[1]!;
  const perGroupIn = w.dims[0]! / a.group;
  const taps = sizeOf(window.kernel);
  const out = new Float64Array(sizeOf(outDims));
  if (b) {
    forEachIndex(outDims, (at, i) => {
      out[i] = b.data[at[channelAxis]!]!;
    });
  }
  forEachIndex(x.dims, (at, from) => {
    const c = at[channelAxis]!;
    const group = Math.floor(c / perGroupIn);
    forEachIndex(window.kernel, (tap, tapIndex) => {
      let to = at[0]! * yStrides[0]!;
      for (let i = 0; i < tap.length; i++) {
        const p =
          at[first + i]! * window.strides[i]! +
          tap[i]! * window.dilations[i]! -
          window.padsBegin[i]!;
        if (p < 0 || p >= window.output[i]!) return;
        to += p * yStrides[first + i]!;
      }
      for (let k = 0; k < perGroupOut; k++) {
        const value = x.data[from]! * w.data[(c * perGroupOut + k) * taps + tapIndex]!;
        out[to + (group * perGroupOut + k) * yStrides[channelAxis]!]! += value;
      }
    });
  });
  return out;
}

const nhwc = { layout: "NHWC" };
const one = (name: string, x: number[], w: number[], attributes: OpCase["attributes"]): OpCase => ({
  name,
  inputs: [random(x), weight(w)],
  attributes: attributes ?? {},
});

export const convTranspose = defineOp({
  name: "ConvTranspose",
  opsets: [1, 11, 22],
  summary: "transposed convolution: enlarges a picture with learned weights",
  attributes: {
    auto_pad: oneOf("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
    dilations: intList([]),
    group: int(1),
    kernel_shape: intList([]),
    output_padding: intList([]),
    output_shape: intList([]),
    pads: intList([]),
    strides: intList([]),
    layout: oneOf("NCHW", "NHWC"),
  },
  inputs: [2, 3],
  infer({ inputs: [x, w, b], attributes }) {
    const { output } = geometry(x!.dims, w!.dims, attributes);
    const channels = w!.dims[1]! * attributes.group;
    if (b && (b.dims.length !== 1 || b.dims[0] !== channels)) {
      throw new Error(`the bias has ${b.dims.join("x")} elements, needs ${channels}`);
    }
    const { batch } = pictureOf(x!.dims, attributes.layout);
    return [{ dtype: x!.dtype, dims: pictureDims(batch, channels, output, attributes.layout) }];
  },
  reference: ([x, w, b], attributes, [out]) => [scatter(x!, w!, b, attributes, out!.dims)],
  flop: ([x, w]) => 2 * sizeOf(x!) * sizeOf(w!.slice(1)),
  kernels: [convGradInput, convTransposeGather],
  traits: { acceptsEpilogue: true, layout: "spatial" },
  cases: [
    {
      name: "worked by hand",
      inputs: [
        { dims: [1, 1, 2, 2], values: [1, 2, 3, 4] },
        { dims: [1, 1, 2, 2], values: [1, 10, 100, 1000], constant: true },
      ],
      attributes: { strides: [2, 2] },
      expected: [[1, 10, 2, 20, 100, 1000, 200, 2000, 3, 30, 4, 40, 300, 3000, 400, 4000]],
    },
    one("2x2 up, channels last", [2, 4, 5, 8], [8, 12, 2, 2], { ...nhwc, strides: [2, 2] }),
    one("3x3 padded, output padding", [1, 4, 5, 6], [6, 5, 3, 3], {
      ...nhwc,
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      output_padding: [1, 1],
    }),
    one("output shape", [1, 3, 4, 4], [3, 4, 3, 3], { strides: [3, 3], output_shape: [11, 12] }),
    one("same upper", [1, 3, 4, 4], [3, 4, 3, 3], { strides: [2, 2], auto_pad: "SAME_UPPER" }),
    one("groups, dilated", [1, 5, 4, 8], [8, 4, 3, 2], {
      ...nhwc,
      group: 2,
      dilations: [2, 1],
      pads: [0, 1, 1, 0],
    }),
    one("1-D", [2, 3, 6], [3, 2, 4], { strides: [2] }),
    one("3-D", [1, 2, 2, 3, 3], [2, 3, 2, 2, 2], { strides: [1, 2, 2] }),
    {
      name: "bias",
      inputs: [random([1, 4, 4, 4]), weight([4, 8, 2, 2]), weight([8])],
      attributes: { ...nhwc, strides: [2, 2] },
    },
  ],
});
