import { type CaseInput, floats, ints, type OpCase, random } from "./case.ts";

/** The numbers from 1 on as one picture of one channel: what ONNX's examples resize. */
const counted = (h: number, w: number): CaseInput => ({
  dims: [1, 1, h, w],
  values: Array.from({ length: h * w }, (_, i) => i + 1),
});

/** Named after ONNX's node tests, whose expected outputs they hold. */
const examples: readonly OpCase[] = [
  {
    name: "nearest up",
    inputs: [counted(2, 2), undefined, floats(1, 1, 2, 3)],
    attributes: { mode: "nearest" },
    expected: [[1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 3, 3, 3, 4, 4, 4]],
  },
  {
    name: "nearest down",
    inputs: [counted(2, 4), undefined, floats(1, 1, 0.6, 0.6)],
    attributes: { mode: "nearest" },
    expected: [[1, 3]],
  },
  {
    name: "nearest to sizes",
    inputs: [counted(2, 4), undefined, undefined, ints(1, 1, 1, 3)],
    attributes: { mode: "nearest" },
    expected: [[1, 2, 4]],
  },
  {
    name: "linear up",
    inputs: [counted(2, 2), undefined, floats(1, 1, 2, 2)],
    attributes: { mode: "linear" },
    expected: [[1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4]],
  },
  {
    name: "linear up, corners aligned",
    inputs: [counted(2, 2), undefined, floats(1, 1, 2, 2)],
    attributes: { coordinate_transformation_mode: "align_corners", mode: "linear" },
    expected: [
      [
        1, 1.333333, 1.666667, 2, 1.666667, 2, 2.333333, 2.666667, 2.333333, 2.666667, 3, 3.333333,
        3, 3.333333, 3.666667, 4,
      ],
    ],
  },
  {
    name: "linear down",
    inputs: [counted(2, 4), undefined, floats(1, 1, 0.6, 0.6)],
    attributes: { mode: "linear" },
    expected: [[2.666667, 4.333333]],
  },
  {
    name: "cubic down",
    inputs: [counted(4, 4), undefined, floats(1, 1, 0.8, 0.8)],
    attributes: { mode: "cubic" },
    expected: [
      [1.471191, 2.78125, 4.08252, 6.711426, 8.021484, 9.322754, 11.916504, 13.226562, 14.527832],
    ],
  },
  {
    name: "cubic down to sizes",
    inputs: [counted(4, 4), undefined, undefined, ints(1, 1, 3, 3)],
    attributes: { mode: "cubic" },
    expected: [
      [1.630787, 3.00463, 4.378472, 7.126157, 8.5, 9.873842, 12.621528, 13.99537, 15.369213],
    ],
  },
  {
    name: "cubic down, nothing outside",
    inputs: [counted(4, 4), undefined, floats(1, 1, 0.8, 0.8)],
    attributes: { cubic_coeff_a: -0.5, exclude_outside: 1, mode: "cubic" },
    expected: [
      [1.368127, 2.669501, 4.013337, 6.573625, 7.875, 9.218835, 11.948966, 13.250341, 14.594176],
    ],
  },
  {
    name: "crop",
    inputs: [counted(4, 4), floats(0, 0, 0.4, 0.6, 1, 1, 0.6, 0.8), undefined, ints(1, 1, 3, 3)],
    attributes: { coordinate_transformation_mode: "tf_crop_and_resize", mode: "linear" },
    expected: [[7.6, 7.9, 8.2, 8.8, 9.1, 9.400001, 10, 10.3, 10.6]],
  },
  {
    name: "crop beyond the picture",
    inputs: [counted(4, 4), floats(0, 0, 0.4, 0.6, 1, 1, 1.2, 1.7), undefined, ints(1, 1, 3, 3)],
    attributes: {
      coordinate_transformation_mode: "tf_crop_and_resize",
      extrapolation_value: 10.0,
      mode: "linear",
    },
    expected: [[7.6, 10, 10, 12.400001, 10, 10, 10, 10, 10]],
  },
  {
    name: "one column, PyTorch",
    inputs: [counted(4, 4), undefined, undefined, ints(1, 1, 3, 1)],
    attributes: { coordinate_transformation_mode: "pytorch_half_pixel", mode: "linear" },
    expected: [[1.666667, 7, 12.333333]],
  },
  {
    name: "named axes",
    inputs: [counted(2, 2), undefined, floats(3, 2)],
    attributes: { axes: [3, 2], mode: "nearest" },
    expected: [[1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 3, 3, 3, 4, 4, 4]],
  },
  {
    name: "keeping proportions, not larger",
    inputs: [counted(2, 4), undefined, undefined, ints(1, 3)],
    attributes: { axes: [2, 3], keep_aspect_ratio_policy: "not_larger", mode: "nearest" },
    expected: [[1, 3]],
  },
  {
    name: "keeping proportions, not smaller",
    inputs: [counted(2, 4), undefined, undefined, ints(1, 3)],
    attributes: { axes: [2, 3], keep_aspect_ratio_policy: "not_smaller", mode: "nearest" },
    expected: [[1, 2, 4, 5, 6, 8]],
  },
  {
    name: "symmetric",
    inputs: [counted(1, 4), undefined, floats(1, 1, 1, 0.6)],
    attributes: { coordinate_transformation_mode: "half_pixel_symmetric", mode: "linear" },
    expected: [[1.666667, 3.333333]],
  },
  {
    name: "symmetric up",
    inputs: [counted(2, 2), undefined, floats(1, 1, 2.3, 2.94)],
    attributes: { coordinate_transformation_mode: "half_pixel_symmetric", mode: "linear" },
    expected: [
      [
        1, 1.159864, 1.5, 1.840136, 2, 1.565217, 1.725081, 2.065217, 2.405354, 2.565217, 2.434783,
        2.594646, 2.934783, 3.274919, 3.434783, 3, 3.159864, 3.5, 3.840136, 4,
      ],
    ],
  },
  {
    name: "linear down, antialiased",
    inputs: [counted(4, 4), undefined, floats(1, 1, 0.6, 0.6)],
    attributes: { antialias: 1, mode: "linear" },
    expected: [[2.875, 4.5, 9.375, 11]],
  },
  {
    name: "cubic down, antialiased",
    inputs: [counted(4, 4), undefined, undefined, ints(1, 1, 3, 3)],
    attributes: { antialias: 1, mode: "cubic" },
    expected: [
      [1.775009, 3.120007, 4.465005, 7.155002, 8.5, 9.844998, 12.534994, 13.879992, 15.224991],
    ],
  },
];

/** A random picture in either layout, with the sizes that it is resized to. */
const picture = (dims: readonly number[], sizes: readonly number[]) => [
  random(dims),
  undefined,
  undefined,
  ints(...sizes),
];

export const resizeCases: readonly OpCase[] = [
  ...examples,
  {
    name: "nearest, floor, asymmetric (Upsample)",
    inputs: [random([2, 3, 5, 7]), floats(), floats(1, 1, 2, 2)],
    attributes: { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
  },
  {
    name: "nearest, ceil",
    inputs: picture([1, 2, 5, 4], [1, 2, 8, 3]),
    attributes: { nearest_mode: "ceil" },
  },
  {
    name: "nearest, half up, channels last",
    inputs: picture([2, 3, 4, 8], [2, 6, 6, 8]),
    attributes: { nearest_mode: "round_prefer_ceil", coordinate_transformation_mode: "asymmetric" },
  },
  {
    name: "linear, channels last, aligned",
    inputs: picture([1, 4, 5, 12], [1, 9, 8, 12]),
    attributes: { mode: "linear" },
  },
  {
    name: "linear, channels last, odd",
    inputs: picture([2, 5, 4, 3], [2, 3, 7, 3]),
    attributes: { mode: "linear", coordinate_transformation_mode: "align_corners" },
  },
  {
    name: "cubic, channels last, aligned",
    inputs: picture([1, 5, 4, 4], [1, 8, 7, 4]),
    attributes: { mode: "cubic", cubic_coeff_a: -0.5 },
  },
  {
    name: "linear along three axes",
    inputs: [random([2, 3, 4, 5]), undefined, floats(1, 2, 1.5, 0.7)],
    attributes: { mode: "linear" },
  },
  {
    name: "linear to a third, antialiased, channels last",
    inputs: picture([1, 9, 12, 4], [1, 3, 4, 4]),
    attributes: { mode: "linear", antialias: 1 },
  },
  { name: "the same size", inputs: picture([1, 2, 3, 4], [1, 2, 3, 4]) },
];
