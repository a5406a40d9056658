import type { Graph, GraphInput, Node } from "../src/graph/index.ts";
import type { DType } from "../src/tensor/index.ts";

/** Networks of one or two operators, for tests of what stands around them. */

const input = (name: string, dims: readonly (number | string)[], dtype: DType = "float32") =>
  ({ name, dims, dtype }) satisfies GraphInput;

const node = (op: string, inputs: string[], output: string, attributes = {}): Node => ({
  name: `${op}_${output}`,
  op,
  inputs,
  outputs: [output],
  attributes,
});

const network = (
  name: string,
  inputs: GraphInput[],
  nodes: Node[],
  outputs: GraphInput[],
): Graph => ({
  name,
  inputs,
  nodes,
  outputs,
  constants: new Map(),
});

/** The means of red, green and blue as three classes, of pictures of any size. */
export const meanColor = network(
  "mean-color",
  [input("image", ["N", 3, "H", "W"])],
  [node("GlobalAveragePool", ["image"], "mean"), node("Flatten", ["mean"], "color", { axis: 1 })],
  [input("color", ["N", 3])],
);

/** As `meanColor`, for two pictures of 4x4 at a time. */
export const fixedMeanColor = network(
  "fixed-mean-color",
  [input("image", [2, 3, 4, 4])],
  meanColor.nodes as Node[],
  [input("color", [2, 3])],
);

/** The positive values of a picture: a picture again, the same for values in 0..1. */
export const samePicture = network(
  "same-picture",
  [input("image", ["N", 3, "H", "W"])],
  [node("Relu", ["image"], "positive")],
  [input("positive", ["N", 3, "H", "W"])],
);

/** A picture and its negative. */
export const twoPictures = network(
  "two-pictures",
  [input("image", ["N", 1, 2, 2])],
  [node("Relu", ["image"], "a/b"), node("Neg", ["image"], "negative")],
  [input("a/b", ["N", 1, 2, 2]), input("negative", ["N", 1, 2, 2])],
);

/** The sum of two arrays of 2x3. */
export const sum = network(
  "sum",
  [input("left", ["N", 3]), input("right", ["N", 3])],
  [node("Add", ["left", "right"], "sum")],
  [input("sum", ["N", 3])],
);
