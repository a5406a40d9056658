import { type OpCase, random, weight } from "./case.ts";

const nhwc = { layout: "NHWC" };

function one(
  name: string,
  x: readonly number[],
  w: readonly number[],
  attributes: OpCase["attributes"] = {},
): OpCase {
  return { name, inputs: [random(x), weight(w)], attributes };
}

/** Every kernel of convolution meets a case that it takes, and one that it leaves to others. */
export const convCases: readonly OpCase[] = [
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
    name: "weights computed, channels first",
    inputs: [random([2, 6, 9, 8]), random([10, 3, 3, 2]), random([10])],
    attributes: { group: 2, strides: [2, 1], dilations: [1, 2], pads: [1, 0, 1, 2] },
  },
  {
    name: "weights computed, 1-D",
    inputs: [random([1, 5, 11]), random([4, 5, 3])],
    attributes: { pads: [1, 1] },
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
