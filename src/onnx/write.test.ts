import { fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ort, runOrt } from "../../test/onnxruntime.ts";
import { RekindleError } from "../errors.ts";
import type { Graph, Node } from "../graph/index.ts";
import { type DType, Tensor } from "../tensor/index.ts";
import { ModelProtoSchema } from "./onnx_pb.ts";
import { readOnnx } from "./read.ts";
import { writeOnnx } from "./write.ts";

function graphOf(node: Partial<Node>, dtype: DType = "float32", constants = {}): Graph {
  const whole = { name: "n", op: "Relu", inputs: ["x"], outputs: ["y"], attributes: {}, ...node };
  return {
    name: "test",
    inputs: [{ name: "x", dtype, dims: ["N", 2] }],
    outputs: [{ name: "y" }],
    nodes: [whole],
    constants: new Map(Object.entries(constants)),
  };
}

const decode = (graph: Graph) => fromBinary(ModelProtoSchema, writeOnnx(graph));

test("a graph comes back as it was", async () => {
  const graph: Graph = {
    ...graphOf({
      op: "Conv",
      inputs: ["x", "w"],
      attributes: { strides: [2, 1], auto_pad: "SAME_UPPER", group: 1 },
    }),
    inputs: [{ name: "x", dtype: "float32", dims: ["N", 3, "H", 32] }],
    outputs: [{ name: "y", dtype: "float32", dims: ["N", 4, "P", 32] }],
    constants: new Map([
      ["w", Tensor.from("float32", new Float32Array(36).fill(0.1), [4, 3, 3, 1])],
    ]),
  };
  expect(await readOnnx(writeOnnx(graph))).toEqual(graph);
});

test("attributes keep their kinds: an alpha of 1 is a float, an axis is an integer", async () => {
  const attributes = { alpha: 1, axis: -1, mode: "x", axes: [0, 2], words: ["a", "b"] };
  const value = Tensor.from("int64", [3], [1]);
  const graph = graphOf({ op: "Any", attributes: { ...attributes, value } });
  const kinds = decode(graph).graph!.node[0]!.attribute.map((a) => [a.name, a.type]);
  expect(Object.fromEntries(kinds)).toEqual({
    alpha: 1,
    axis: 2,
    mode: 3,
    axes: 7,
    words: 8,
    value: 4,
  });
  const back = await readOnnx(writeOnnx(graph));
  expect(back.nodes[0]!.attributes).toEqual({ ...attributes, value });
});

test.each<[DType]>([["float32"], ["float16"], ["float64"]])(
  "the bounds of a Clip have the type of its data: %s",
  async (dtype) => {
    const clip: Node = {
      name: "c",
      op: "Clip",
      inputs: ["r"],
      outputs: ["y"],
      attributes: { max: 6 },
    };
    const graph = graphOf({ outputs: ["r"] }, dtype);
    const bytes = writeOnnx({ ...graph, nodes: [...graph.nodes, clip] });
    const back = await readOnnx(bytes);
    expect(back.nodes[1]).toEqual(clip);
    expect(back.constants.get("c/max")).toEqual(Tensor.from(dtype, [6], []));
    if (!ort) return;
    const { y } = await runOrt(bytes, { x: Tensor.from(dtype, [-1, 7], [1, 2]) });
    expect([...y!.toNumbers()]).toEqual([0, 6]);
  },
);

test.each<[Partial<Node>, bigint]>([
  [{ op: "Relu" }, 18n],
  [{ op: "AveragePool", attributes: { dilations: [1, 1] } }, 18n],
  [{ op: "AveragePool", attributes: { dilations: [2, 1] } }, 19n],
  [{ op: "Resize", attributes: { coordinate_transformation_mode: "half_pixel_symmetric" } }, 19n],
  [{ op: "Gelu" }, 20n],
])("%j is written in opset %d", (node, opset) => {
  expect(decode(graphOf(node)).opsetImport[0]!.version).toBe(opset);
});

test("constants that no file can hold", () => {
  const large = { w: new Tensor("uint8", new Uint8Array(2 ** 31), [2 ** 31]) };
  const write = () => writeOnnx(graphOf({}, "float32", large));
  expect(write).toThrow(RekindleError);
  expect(write).toThrow("have 2147483648 bytes, an ONNX file holds at most");
});

test.each<[string, Partial<Node>]>([
  ["fused", { epilogue: [{ op: "Relu", attributes: {} }] }],
  ["laid out anew", { op: "Conv", attributes: { layout: "NHWC" } }],
])("a graph that a pass has %s is refused", (_, node) => {
  expect(() => writeOnnx(graphOf(node))).toThrow("was changed by a pass");
});
