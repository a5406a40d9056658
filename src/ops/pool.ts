import {
  type AutoPad,
  type Layout,
  pictureDims,
  pictureOf,
  type Window,
  windowOf,
} from "../kernels/geometry.ts";
import { type PoolKind, poolKernel } from "../kernels/pool.ts";
import { type Shape, sizeOf, stridesOf } from "../tensor/index.ts";
import { int, intList, oneOf } from "./attributes.ts";
import { type OpCase, random } from "./case.ts";
import { defineOp, type Ndarray, type Op } from "./define.ts";
import { forEachIndex } from "./loops.ts";

const common = {
  auto_pad: oneOf("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
  ceil_mode: int(0),
  dilations: intList([]),
  kernel_shape: intList(),
  pads: intList([]),
  strides: intList([]),
  layout: oneOf("NCHW", "NHWC"),
};

interface PoolAttributes {
  readonly auto_pad: AutoPad;
  readonly ceil_mode: number;
  readonly dilations: readonly number[];
  readonly kernel_shape: readonly number[];
  readonly pads: readonly number[];
  readonly strides: readonly number[];
  readonly layout: Layout;
  readonly count_include_pad?: number;
}

function geometry(x: Shape, a: PoolAttributes): Window {
  if (x.length < 3 || x.length > 5) throw new Error(`the input has ${x.length} axes, needs 3 to 5`);
  return windowOf(pictureOf(x, a.layout).spatial, a.kernel_shape, a, a.ceil_mode === 1);
}

function infer(x: Shape, a: PoolAttributes): number[] {
  const { batch, channels } = pictureOf(x, a.layout);
  return pictureDims(batch, channels, geometry(x, a).output, a.layout);
}

function pool(x: Ndarray, a: PoolAttributes, kind: PoolKind, outDims: Shape): Float64Array {
  const window = geometry(x.dims, a);
  const { spatial } = pictureOf(x.dims, a.layout);
  const strides = stridesOf(x.dims);
  const first = a.layout === "NHWC" ? 1 : 2;
  const channelAxis = a.layout === "NHWC" ? x.dims.length - 1 : 1;
  const out = new Float64Array(sizeOf(outDims));
  forEachIndex(outDims, (at, position) => {
    let value = kind === "max" ? Number.NEGATIVE_INFINITY : 0;
    let taps = 0;
    forEachIndex(window.kernel, (tap) => {
      let from = at[0]! * strides[0]! + at[channelAxis]! * strides[channelAxis]!;
      let isInside = true;
      let isPadding = true;
      for (let i = 0; i < tap.length; i++) {
        const start = at[first + i]! * window.strides[i]! - window.padsBegin[i]!;
        const p = start + tap[i]! * window.dilations[i]!;
        isInside &&= p >= 0 && p < spatial[i]!;
        isPadding &&= p < spatial[i]! + window.padsEnd[i]!;
        from += p * strides[first + i]!;
      }
      if (isInside) {
        value = kind === "max" ? Math.max(value, x.data[from]!) : value + x.data[from]!;
      }
      if (isInside || (a.count_include_pad === 1 && isPadding)) taps++;
    });
    out[position] = kind === "max" ? value : value / Math.max(taps, 1);
  });
  return out;
}

const nhwc = { layout: "NHWC" };

const cases: readonly OpCase[] = [
  {
    name: "2x2",
    inputs: [random([1, 3, 6, 7])],
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
  },
  {
    name: "3x3 padded, channels last",
    inputs: [random([2, 9, 8, 12])],
    attributes: { ...nhwc, kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  },
  {
    name: "ceil mode",
    inputs: [random([1, 10, 8, 5])],
    attributes: { ...nhwc, kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 },
  },
  {
    name: "ceil mode, padded",
    inputs: [random([1, 7, 6, 4])],
    attributes: {
      ...nhwc,
      kernel_shape: [3, 2],
      strides: [3, 2],
      pads: [1, 0, 1, 1],
      ceil_mode: 1,
      count_include_pad: 1,
    },
  },
  {
    name: "dilated",
    inputs: [random([1, 2, 9, 9])],
    attributes: { kernel_shape: [3, 3], dilations: [2, 2], pads: [2, 1, 0, 1] },
  },
  {
    name: "same upper, 1-D",
    inputs: [random([2, 3, 8])],
    attributes: { kernel_shape: [3], strides: [2], auto_pad: "SAME_UPPER" },
  },
  { name: "3-D", inputs: [random([1, 2, 4, 5, 6])], attributes: { kernel_shape: [2, 3, 2] } },
];

export const maxPool: Op = defineOp({
  name: "MaxPool",
  opsets: [1, 8, 10, 11, 12, 22],
  summary: "the largest element of a sliding window",
  attributes: { ...common, storage_order: int(0) },
  inputs: [1, 1],
  outputs: [1, 2],
  infer({ inputs: [x], attributes, outputCount }) {
    if (outputCount > 1) throw new Error("the second output (indices) is not computed");
    return [{ dtype: x!.dtype, dims: infer(x!.dims, attributes) }];
  },
  reference: ([x], attributes, [out]) => [pool(x!, attributes, "max", out!.dims)],
  kernels: [poolKernel("max")],
  traits: { acceptsEpilogue: true, layout: "spatial" },
  cases: cases.map(({ attributes, ...c }) => {
    const { count_include_pad: _, ...rest } = attributes as Record<string, number>;
    return { ...c, attributes: rest };
  }),
});

export const averagePool: Op = defineOp({
  name: "AveragePool",
  opsets: [1, 7, 10, 11, 19, 22],
  summary: "the mean of a sliding window, with or without the padding",
  attributes: { ...common, count_include_pad: int(0) },
  inputs: [1, 1],
  infer: ({ inputs: [x], attributes }) => [{ dtype: x!.dtype, dims: infer(x!.dims, attributes) }],
  reference: ([x], attributes, [out]) => [pool(x!, attributes, "average", out!.dims)],
  kernels: [poolKernel("average")],
  traits: { acceptsEpilogue: true, layout: "spatial" },
  cases: [
    ...cases,
    {
      name: "counts the padding",
      inputs: [{ dims: [1, 1, 2, 2], values: [1, 2, 3, 6] }],
      attributes: { kernel_shape: [2, 2], pads: [1, 1, 0, 0], count_include_pad: 1 },
      expected: [[0.25, 0.75, 1, 3]],
    },
  ],
});
