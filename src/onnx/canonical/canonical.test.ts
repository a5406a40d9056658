import { describe, expect, test } from "vitest";
import { expectClose, seeded } from "../../../test/cases.ts";
import {
  float,
  floats,
  floatTensor,
  int,
  int64Tensor,
  ints,
  node,
  onnxModel,
  type TestModel,
  tensor,
  text,
  value,
} from "../../../test/onnx-model.ts";
import { ort, runOrt } from "../../../test/onnxruntime.ts";
import { sizeOf, Tensor } from "../../tensor/index.ts";
import { readOnnx } from "../read.ts";
import { writeOnnx } from "../write.ts";

interface Case extends TestModel {
  readonly name: string;
  /** The operators after the import. */
  readonly becomes: readonly string[];
  /** The shape of the input "x", which is filled with seeded numbers. */
  readonly x: readonly number[];
}

const pixels = [1, 2, 3, 4];

const cases: readonly Case[] = [
  {
    name: "Squeeze with axes as attribute",
    opset: 11,
    x: [1, 3, 1],
    nodes: [node("Squeeze", "x", "y", { axes: ints(0) })],
    becomes: ["Squeeze"],
  },
  {
    name: "Unsqueeze with axes as attribute",
    opset: 7,
    x: [3],
    nodes: [node("Unsqueeze", "x", "y", { axes: ints(0, 2) })],
    becomes: ["Unsqueeze"],
  },
  {
    name: "ReduceMean of opset 13",
    opset: 13,
    x: [2, 3, 4],
    nodes: [node("ReduceMean", "x", "y", { axes: ints(1, 2), keepdims: int(0) })],
    becomes: ["ReduceMean"],
  },
  {
    name: "ReduceSum of opset 9 over everything",
    opset: 9,
    x: [2, 3],
    nodes: [node("ReduceSum", "x", "y")],
    becomes: ["ReduceSum"],
  },
  {
    name: "Slice of opset 9, to the end",
    opset: 9,
    x: [4, 5],
    nodes: [
      node("Slice", "x", "y", {
        starts: ints(1, -3),
        ends: ints(3, Number.MAX_SAFE_INTEGER),
        axes: ints(0, 1),
      }),
    ],
    becomes: ["Slice"],
  },
  {
    name: "Split in given parts",
    opset: 11,
    x: [2, 5],
    nodes: [
      node("Split", "x", "a b", { axis: int(1), split: ints(2, 3) }),
      node("Concat", "b a", "y", { axis: int(1) }),
    ],
    becomes: ["Split", "Concat"],
  },
  {
    name: "Split in equal parts",
    opset: 13,
    x: [2, 4],
    nodes: [
      node("Split", "x", "a b", { axis: int(1) }),
      node("Concat", "b a", "y", { axis: int(1) }),
    ],
    becomes: ["Split", "Concat"],
  },
  {
    name: "Pad of opset 10 with a value",
    opset: 10,
    x: [2, 3],
    nodes: [node("Pad", "x", "y", { pads: ints(1, 0, 0, 2), value: float(2.5) })],
    becomes: ["Pad"],
  },
  {
    name: "Pad of opset 10 by reflection",
    opset: 10,
    x: [2, 3],
    nodes: [node("Pad", "x", "y", { pads: ints(0, 1, 0, 2), mode: text("reflect") })],
    becomes: ["Pad"],
  },
  {
    name: "Clip of opset 6",
    opset: 10,
    x: [10],
    nodes: [node("Clip", "x", "y", { min: float(-0.25), max: float(0.5) })],
    becomes: ["Clip"],
  },
  {
    name: "Clip with only an upper bound, from a Constant",
    opset: 13,
    x: [10],
    nodes: [
      node("Constant", "", "six", { value_float: float(0.25) }),
      node("Clip", "x _ six", "y"),
    ],
    becomes: ["Clip"],
  },
  {
    name: "Clip with computed bounds, the lower above the upper",
    opset: 13,
    x: [10],
    constants: [floatTensor("half", [], [0.5])],
    nodes: [
      node("ReduceMax", "x", "high", { keepdims: int(0) }),
      node("ReduceMin", "x", "low", { keepdims: int(0) }),
      node("Clip", "x high low", "y"),
    ],
    becomes: ["ReduceMax", "ReduceMin", "Max", "Min"],
  },
  {
    name: "Clip with a constant and a computed bound",
    opset: 13,
    x: [10],
    constants: [floatTensor("low", [], [-0.5])],
    nodes: [node("ReduceMean", "x", "high", { keepdims: int(0) }), node("Clip", "x low high", "y")],
    becomes: ["ReduceMean", "Clip", "Min"],
  },
  {
    name: "Dropout of opset 7",
    opset: 7,
    x: [4],
    nodes: [node("Dropout", "x", "d mask", { ratio: float(0.5) }), node("Relu", "d", "y")],
    becomes: ["Identity", "Relu"],
  },
  {
    name: "Dropout of opset 13 with training_mode false",
    opset: 13,
    x: [4],
    constants: [floatTensor("ratio", [], [0.5]), { name: "training", dataType: 9, int32Data: [0] }],
    nodes: [node("Dropout", "x ratio training", "y")],
    becomes: ["Identity"],
  },
  {
    name: "BatchNormalization of opset 7",
    opset: 7,
    x: [2, 2, 3, 1],
    constants: ["scale", "shift", "mean", "variance"].map((name, i) =>
      floatTensor(name, [2], [0.5 + i, 1.5]),
    ),
    nodes: [
      node("BatchNormalization", "x scale shift mean variance", "y", {
        epsilon: float(0.01),
        spatial: int(1),
        momentum: float(0.5),
      }),
    ],
    becomes: ["BatchNormalization"],
  },
  {
    name: "Softmax of opset 11 over several axes",
    opset: 11,
    x: [2, 3, 2, 2],
    nodes: [node("Softmax", "x", "y")],
    becomes: ["Shape", "Flatten", "Softmax", "Reshape"],
  },
  {
    name: "Softmax of opset 9 on the last axis",
    opset: 9,
    x: [2, 3],
    nodes: [node("Softmax", "x", "y", { axis: int(1) })],
    becomes: ["Softmax"],
  },
  {
    name: "LogSoftmax of opset 12 over the whole",
    opset: 12,
    x: [2, 3],
    nodes: [node("LogSoftmax", "x", "y", { axis: int(0) })],
    becomes: ["Shape", "Flatten", "LogSoftmax", "Reshape"],
  },
  {
    name: "Upsample of opset 7, nearest",
    opset: 7,
    x: [1, 1, 2, 3],
    nodes: [node("Upsample", "x", "y", { scales: floats(1, 1, 2, 3), mode: text("nearest") })],
    becomes: ["Resize"],
  },
  {
    name: "Upsample of opset 9, linear",
    opset: 9,
    x: [1, 1, 2, 3],
    constants: [floatTensor("scales", [4], [1, 1, 2, 2])],
    nodes: [node("Upsample", "x scales", "y", { mode: text("linear") })],
    becomes: ["Resize"],
  },
  {
    name: "Resize of opset 10, enlarging",
    opset: 10,
    x: [1, 1, 3, 3],
    constants: [floatTensor("scales", [4], [1, 1, 1.7, 2.5])],
    nodes: [node("Resize", "x scales", "y", { mode: text("nearest") })],
    becomes: ["Resize"],
  },
  {
    name: "Resize of opset 10, reducing",
    opset: 10,
    x: [1, 1, 5, 7],
    constants: [floatTensor("scales", [4], [1, 1, 0.6, 0.6])],
    nodes: [node("Resize", "x scales", "y", { mode: text("nearest") })],
    becomes: ["Resize"],
  },
  {
    name: "Resize of opset 11 to sizes, with empty tensors for roi and scales",
    opset: 11,
    x: [1, 1, 3, 3],
    constants: [
      floatTensor("roi", [0], []),
      floatTensor("scales", [0], []),
      int64Tensor("sizes", 1, 1, 5, 4),
    ],
    nodes: [node("Resize", "x roi scales sizes", "y", { mode: text("linear") })],
    becomes: ["Resize"],
  },
  {
    name: "Constant in all forms",
    opset: 13,
    x: [4],
    nodes: [
      node("Constant", "", "a", { value: tensor(floatTensor("", [4], pixels)) }, { name: "a" }),
      node("Constant", "", "b", { value_floats: floats(4, 3, 2, 1) }, { name: "b" }),
      node("Constant", "", "c", { value_ints: ints(2, -1) }, { name: "c" }),
      node("Constant", "", "d", { value_int: int(-1) }, { name: "d" }),
      node("Sum", "x a b", "sum"),
      node("Reshape", "sum c", "square"),
      node("Gather", "square d", "y"),
    ],
    becomes: ["Sum", "Reshape", "Gather"],
  },
];

function fileOf(c: Case): Uint8Array {
  return onnxModel({ ...c, inputs: [value("x", c.x)], outputs: [value("y")] });
}

test.each(cases)("$name: becomes $becomes", async (c) => {
  const graph = await readOnnx(fileOf(c));
  expect(graph.nodes.map((n) => n.op)).toEqual(c.becomes);
});

describe.skipIf(!ort)(
  "ONNX Runtime computes the same before and after (npm ci installs it)",
  () => {
    test.each(cases)("$name", async (c) => {
      const next = seeded(7);
      const values = Float64Array.from({ length: sizeOf(c.x) }, () => 2 * next() - 1);
      const x = Tensor.from("float32", values, c.x);
      const before = await runOrt(fileOf(c), { x });
      const after = await runOrt(writeOnnx(await readOnnx(fileOf(c))), { x });
      expectClose(after.y!, before.y!, 1e-6);
    });
  },
);
