import { convSeparable } from "../kernels/conv-separable.ts";
import type { AutoPad } from "../kernels/geometry.ts";
import { type Shape, sizeOf } from "../tensor/index.ts";
import { float, intList, oneOf, optional } from "./attributes.ts";
import { type OpCase, random, weight } from "./case.ts";
import { conv } from "./conv.ts";
import { defineOp, type Elements } from "./define.ts";

interface Attributes {
  readonly auto_pad: AutoPad;
  readonly dilations: readonly number[];
  readonly kernel_shape: readonly number[];
  readonly pads: readonly number[];
  readonly strides: readonly number[];
  readonly low: number | null;
  readonly high: number | null;
}

/** The attributes of Conv for the depthwise part. */
const depthwise = (x: Shape, { low: _low, high: _high, ...window }: Attributes) => ({
  ...window,
  group: x.at(-1)!,
  layout: "NHWC",
});

const held = (value: number, { low, high }: Attributes): number =>
  Math.min(Math.max(value, low ?? -Infinity), high ?? Infinity);

/** Output elements at flat indices: all channels of a pixel between, then one filter of them. */
function elementsAt(
  [x, window, shift, weights, bias]: readonly (Elements | undefined)[],
  a: Attributes,
  indices: ArrayLike<number>,
): Float64Array {
  const channels = x!.dims.at(-1)!;
  const filters = weights!.dims[0]!;
  const attributes = depthwise(x!.dims, a);
  const pixels = new Map<number, Float64Array>();
  const pixelAt = (pixel: number) => {
    const places = Float64Array.from({ length: channels }, (_, c) => pixel * channels + c);
    const values = conv.referenceAt!([x, window, shift], attributes, [], places);
    return values.map((value) => held(value, a));
  };
  return Float64Array.from(indices, (index) => {
    const pixel = Math.floor(index / filters);
    const filter = index % filters;
    const values = pixels.get(pixel) ?? pixelAt(pixel);
    pixels.set(pixel, values);
    let sum = bias ? bias.data[filter]! : 0;
    for (let c = 0; c < channels; c++) sum += values[c]! * weights!.data[filter * channels + c]!;
    return sum;
  });
}

/** Inputs of a case: a picture, window, its bias, weights and theirs. */
function one(
  name: string,
  x: readonly number[],
  [filters, ...window]: readonly number[],
  attributes: OpCase["attributes"] = {},
): OpCase {
  const channels = x.at(-1)!;
  const wide = window.map(() => 1);
  return {
    name,
    inputs: [
      random(x),
      weight([channels, 1, ...window]),
      weight([channels]),
      weight([filters!, channels, ...wide]),
      weight([filters!]),
    ],
    attributes,
  };
}

/** A depthwise convolution, held between two bounds, and the 1x1 convolution of what it gives. */
export const separableConv = defineOp({
  name: "SeparableConv",
  opsets: [1],
  summary:
    "Rekindle's own: a depthwise convolution, a clamp and a 1x1 convolution, channels last; " +
    "what the planner makes of these two layers of MobileNets",
  attributes: {
    auto_pad: oneOf("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
    dilations: intList([]),
    kernel_shape: intList([]),
    pads: intList([]),
    strides: intList([]),
    low: optional(float()),
    high: optional(float()),
  },
  inputs: [4, 5],
  infer({ inputs: [x, window, shift, weights, bias], attributes: a, ...rest }) {
    const [between] = conv.infer({
      ...rest,
      inputs: [x, window, shift],
      attributes: depthwise(x!.dims, a),
    });
    const [channels, filters] = [x!.dims.at(-1)!, weights!.dims[0]!];
    if (window!.dims[0] !== channels) {
      throw new Error(`the window has ${window!.dims[0]} channels, the input ${channels}`);
    }
    const wanted = [filters, channels, ...x!.dims.slice(2).map(() => 1)];
    if (weights!.dims.join() !== wanted.join()) {
      const given = weights!.dims.join("x");
      throw new Error(`the weights of the 1x1 convolution are ${given}, need ${wanted.join("x")}`);
    }
    if (bias && bias.dims.join() !== `${filters}`) {
      throw new Error(`the bias has ${bias.dims.join("x")} elements, needs ${filters}`);
    }
    return [{ dtype: x!.dtype, dims: [...between!.dims.slice(0, -1), filters] }];
  },
  reference: (inputs, a, [out]) => [
    elementsAt(
      inputs,
      a,
      Uint32Array.from({ length: sizeOf(out!.dims) }, (_, i) => i),
    ),
  ],
  referenceAt: (inputs, a, _outputs, indices) => elementsAt(inputs, a, indices),
  flop: ([x, window, , weights], y) => {
    const pixels = sizeOf(y) / y.at(-1)!;
    return 2 * pixels * x!.at(-1)! * (sizeOf(window!.slice(2)) + weights![0]!);
  },
  kernels: [convSeparable],
  traits: { acceptsEpilogue: true },
  cases: [
    {
      name: "worked by hand",
      inputs: [
        { dims: [1, 1, 3, 4], values: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] },
        { dims: [4, 1, 1, 2], values: [1, 1, 1, 0, 0, 1, -1, 1], constant: true },
        undefined,
        {
          dims: [4, 4, 1, 1],
          values: [1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2],
          constant: true,
        },
        { dims: [4], values: [0, 100, 0, 0], constant: true },
      ],
      attributes: { high: 10 },
      // Between: 6, 2, 7, 4 and (14 held at) 10, 6, (11 held at) 10, 4.
      expected: [[19, 106, 2, 8, 30, 110, 6, 8]],
    },
    one("3x3, Clip(0, 6)", [2, 9, 7, 8], [12, 3, 3], { pads: [1, 1, 1, 1], low: 0, high: 6 }),
    one("strided, an odd size", [1, 9, 12, 20], [36, 3, 3], {
      ...{ pads: [1, 1, 1, 1], strides: [2, 2], low: 0 },
    }),
    one("5x5, dilated, asymmetric", [1, 11, 12, 4], [8, 5, 5], {
      ...{ dilations: [2, 1], pads: [4, 2, 3, 2] },
    }),
    one("same upper", [1, 8, 9, 8], [4, 3, 3], { auto_pad: "SAME_UPPER", strides: [2, 2] }),
    one("1-D", [2, 17, 8], [12, 5], { pads: [2, 2] }),
    one("deep", [1, 4, 4, 132], [40, 3, 3], { pads: [1, 1, 1, 1], low: 0, high: 6 }),
  ],
});
