import { convGradWeight } from "../kernels/conv-grad-weight.ts";
import { convGradWeightSum } from "../kernels/conv-grad-weight-sum.ts";
import { type AutoPad, windowOf } from "../kernels/geometry.ts";
import { type Shape, sizeOf, stridesOf } from "../tensor/index.ts";
import { int, intList, oneOf } from "./attributes.ts";
import { type OpCase, random } from "./case.ts";
import { defineOp, type Ndarray } from "./define.ts";
import { forEachIndex } from "./loops.ts";

interface Attributes {
  readonly auto_pad: AutoPad;
  readonly dilations: readonly number[];
  readonly group: number;
  readonly kernel_shape: readonly number[];
  readonly pads: readonly number[];
  readonly strides: readonly number[];
}

/** Checks that input, gradient and attributes fit each other; the convolution's window. */
function geometry(x: Shape, dy: Shape, a: Attributes) {
  if (x.length < 3 || x.length > 5 || dy.length !== x.length) {
    const axes = `the input has ${x.length} axes and the gradient ${dy.length}`;
    throw new Error(`${axes}; both need 3 to 5`);
  }
  if (x[0] !== dy[0]) throw new Error(`the input has batch ${x[0]}, the gradient ${dy[0]}`);
  for (const [what, channels] of [
    ["input", x[1]!],
    ["gradient", dy[1]!],
  ] as const) {
    if (a.group >= 1 && channels % a.group === 0) continue;
    throw new Error(`${channels} channels of the ${what} do not divide into ${a.group} groups`);
  }
  const window = windowOf(x.slice(2), a.kernel_shape, a);
  const given = dy.slice(2);
  if (given.some((size, i) => size !== window.output[i])) {
    const made = window.output.join("x");
    throw new Error(`the convolution gives ${made} pixels, the gradient has ${given.join("x")}`);
  }
  return window;
}

/** For every output pixel and tap, what they add to the weight between them. */
function gather(x: Ndarray, dy: Ndarray, a: Attributes, outDims: Shape): Float64Array {
  const window = geometry(x.dims, dy.dims, a);
  const xStrides = stridesOf(x.dims);
  const perGroupIn = outDims[1]!;
  const perGroupOut = dy.dims[1]! / a.group;
  const taps = sizeOf(window.kernel);
  const out = new Float64Array(sizeOf(outDims));
  forEachIndex(dy.dims, ([n, k, ...at], from) => {
    const firstChannel = Math.floor(k! / perGroupOut) * perGroupIn;
    forEachIndex(window.kernel, (tap, tapIndex) => {
      let place = n! * xStrides[0]! + firstChannel * xStrides[1]!;
      for (let i = 0; i < tap.length; i++) {
        const p =
          at[i]! * window.strides[i]! + tap[i]! * window.dilations[i]! - window.padsBegin[i]!;
        if (p < 0 || p >= x.dims[i + 2]!) return;
        place += p * xStrides[i + 2]!;
      }
      for (let c = 0; c < perGroupIn; c++) {
        const value = dy.data[from]! * x.data[place + c * xStrides[1]!]!;
        out[(k! * perGroupIn + c) * taps + tapIndex]! += value;
      }
    });
  });
  return out;
}

const one = (
  name: string,
  x: number[],
  dy: number[],
  attributes: OpCase["attributes"],
): OpCase => ({
  name,
  inputs: [random(x), random(dy)],
  attributes: attributes ?? {},
});

/**
 * The gradient of Conv for its weights, from its input and the gradient of its output. Not ONNX's:
 * PyTorch's training through the bridge uses it. The gradient for the input is ConvTranspose.
 */
export const convGradWeightOp = defineOp({
  name: "ConvGradWeight",
  opsets: [1],
  summary: "Rekindle's own: the gradient of Conv for its weights, from input and output gradient",
  attributes: {
    auto_pad: oneOf("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
    dilations: intList([]),
    group: int(1),
    kernel_shape: intList(),
    pads: intList([]),
    strides: intList([]),
  },
  inputs: [2, 2],
  infer({ inputs: [x, dy], attributes: a }) {
    geometry(x!.dims, dy!.dims, a);
    const channels = x!.dims[1]! / a.group;
    return [{ dtype: x!.dtype, dims: [dy!.dims[1]!, channels, ...a.kernel_shape] }];
  },
  reference: ([x, dy], attributes, [out]) => [gather(x!, dy!, attributes, out!.dims)],
  flop: ([, dy], dw) => (2 * sizeOf(dy!) * sizeOf(dw)) / dy![1]!,
  kernels: [convGradWeight, convGradWeightSum],
  traits: { acceptsEpilogue: true },
  cases: [
    {
      name: "worked by hand",
      inputs: [
        { dims: [1, 1, 3, 3], values: [0, 1, 2, 3, 4, 5, 6, 7, 8] },
        { dims: [1, 1, 2, 2], values: [1, 10, 100, 1000] },
      ],
      attributes: { kernel_shape: [2, 2] },
      expected: [[4310, 5421, 7643, 8754]],
    },
    one("3x3 padded", [2, 5, 6, 7], [2, 6, 6, 7], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    one("strided, dilated, asymmetric", [2, 4, 12, 11], [2, 8, 5, 4], {
      kernel_shape: [3, 2],
      strides: [2, 3],
      dilations: [2, 1],
      pads: [0, 1, 1, 0],
    }),
    one("a row left over", [1, 3, 8, 8], [1, 4, 3, 3], { kernel_shape: [3, 3], strides: [2, 2] }),
    one("1x1", [3, 40, 5, 5], [3, 36, 5, 5], { kernel_shape: [1, 1] }),
    one("groups", [1, 8, 6, 6], [1, 12, 6, 6], {
      kernel_shape: [3, 3],
      pads: [1, 1, 1, 1],
      group: 2,
    }),
    one("depthwise", [2, 6, 9, 8], [2, 6, 5, 4], {
      kernel_shape: [3, 3],
      pads: [1, 1, 1, 1],
      strides: [2, 2],
      group: 6,
    }),
    one("1-D", [2, 5, 17], [2, 8, 9], { kernel_shape: [5], pads: [2, 2], strides: [2] }),
    one("3-D", [1, 2, 4, 5, 6], [1, 3, 4, 5, 6], {
      kernel_shape: [3, 3, 3],
      pads: [1, 1, 1, 1, 1, 1],
    }),
  ],
});
