import { expect, test } from "vitest";
import type { AttributeValue } from "../graph/index.ts";
import { Tensor } from "../tensor/index.ts";
import { inferNode } from "./evaluate.ts";

/** A float input of some shape, or a constant list: int64, or float32 where it has fractions. */
type Input = { dims: number[] } | number[] | undefined;

function infer(op: string, inputs: Input[], attributes: Record<string, AttributeValue> = {}) {
  const outputs = Array.from({ length: op === "Split" ? 2 : 1 }, (_, i) => `y${i}`);
  const constants = inputs.map((input) => {
    if (!Array.isArray(input)) return undefined;
    const dtype = input.every(Number.isInteger) ? "int64" : "float32";
    return Tensor.from(dtype, input, [input.length]);
  });
  const types = inputs.map((input, i) => {
    if (Array.isArray(input)) return constants[i];
    return input && { dtype: "float32" as const, dims: input.dims };
  });
  const names = inputs.map((input, i) => (input ? `x${i}` : ""));
  return inferNode({ name: "n", op, inputs: names, outputs, attributes }, types, constants);
}

const x = (...dims: number[]): Input => ({ dims });
const scales = { mode: "linear" };

test.each<[string, string, Input[], Record<string, AttributeValue>?]>([
  ["has 6 elements, the shape 4x2 asks for 8", "Reshape", [x(2, 3), [4, 2]]],
  ["has 6 elements, the shape 4x-1 asks for a multiple of 4", "Reshape", [x(2, 3), [4, -1]]],
  ["may hold one -1", "Reshape", [x(2, 3), [-1, -1]]],
  ["entry 2 is 0 (keep the size), but the input has 2 axes", "Reshape", [x(2, 3), [2, 3, 0]]],
  ["the shape (input 1) must be known before the run", "Reshape", [x(2, 3), x(2)]],
  ["must be integers, and hold 1.5", "Reshape", [x(2, 3), [1.5, 4]]],
  ["axis 3 is outside [-2, 2)", "Flatten", [x(2, 3)], { axis: 3 }],
  ["axis 1 has size 3, only 1 can go", "Squeeze", [x(1, 3), [1]]],
  ["the axes 0, -3 name one twice", "Unsqueeze", [x(3), [0, -3]]],
  ["perm 0, 0 does not order 2 axes", "Transpose", [x(2, 3)], { perm: [0, 0] }],
  ["ends has 1 numbers, starts has 2", "Slice", [x(4, 4), [0, 0], [1]]],
  ["the step along axis 0 is 0", "Slice", [x(4), [0], [1], [0], [0]]],
  ["axis 1 is named twice", "Slice", [x(4, 4), [0, 0], [1, 1], [1, -1]]],
  ["the parts 2 + 3 are 5 together, the axis has 6", "Split", [x(6), [2, 3]]],
  ["num_outputs is 3, the node has 2 outputs", "Split", [x(6)], { num_outputs: 3 }],
  ["input 1 has 5 along axis 0, input 0 has 2", "Concat", [x(2, 3), x(5, 3)], { axis: 1 }],
  ["need equally many axes", "Concat", [x(2, 3), x(6)], { axis: 0 }],
  ["shapes 2x3 and 4 do not broadcast", "Expand", [x(2, 3), [4]]],
  ["the most is 1073741824", "Expand", [x(1), [2 ** 20, 2 ** 20]]],
  ["1 repeats for an input of 2 axes", "Tile", [x(2, 3), [2]]],
  ["cannot be repeated -1 times", "Tile", [x(2), [-1]]],
  ["6 channels are no multiple", "DepthToSpace", [x(1, 6, 2, 2)], { blocksize: 2 }],
  ["3x4 has no whole blocks of 2x2", "SpaceToDepth", [x(1, 1, 3, 4)], { blocksize: 2 }],
  ["pads has 2 numbers, 2 axes need 4", "Pad", [x(2, 3), [1, 1]]],
  ["pads crop 4 elements of axis 1, which has 3", "Pad", [x(2, 3), [0, -2, 0, -2]]],
  ['no element for mode "edge"', "Pad", [x(0), [1, 1]], { mode: "edge" }],
  ["the pad value (input 2) must be known", "Pad", [x(2), [1, 1], x()]],
  ["index 5 is outside [-4, 4)", "Gather", [x(4), [5]]],
  ["are missing", "Resize", [x(1, 1, 2, 2)]],
  ["are both given", "Resize", [x(2, 2), undefined, [2, 2], [4, 4]], scales],
  ["scales has 1 numbers for 2 axes", "Resize", [x(2, 2), undefined, [2]], scales],
  ["scales holds 0, needs more than 0", "Resize", [x(2, 2), undefined, [0, 1]], scales],
  ["axis 0 has no element to show", "Resize", [x(0, 2), undefined, undefined, [4, 4]]],
  [
    "roi has 0 numbers, 1 axes need 2",
    "Resize",
    [x(2), undefined, [2]],
    { coordinate_transformation_mode: "tf_crop_and_resize" },
  ],
  ["the most is 67108864", "ConstantOfShape", [[2 ** 20, 2 ** 10]]],
  ["an axis of size -1", "ConstantOfShape", [[-1]]],
  ["the step (input 2) is 0", "Range", [[0], [4], [0]]],
  ["the most is 67108864", "Range", [[0], [2 ** 40], [1]]],
])("%s: %s", (message, op, inputs, attributes) => {
  expect(() => infer(op, inputs, attributes)).toThrow(message);
});
