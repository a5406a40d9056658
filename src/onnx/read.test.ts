import { describe, expect, test } from "vitest";
import {
  float,
  floatTensor,
  int,
  ints,
  node,
  onnxModel,
  type TestModel,
  text,
  value,
} from "../../test/onnx-model.ts";
import { RekindleError } from "../errors.ts";
import { Tensor } from "../tensor/index.ts";
import { AttributeProto_AttributeType as Kind } from "./onnx_pb.ts";
import { readOnnx } from "./read.ts";

const relu: TestModel = {
  inputs: [value("x", ["N", 3])],
  outputs: [value("y", ["N", 3])],
  nodes: [node("Relu", "x", "y")],
};

/** The error that reading gives. */
async function errorOf(model: TestModel | Uint8Array, supported?: Set<string>) {
  const bytes = model instanceof Uint8Array ? model : onnxModel(model);
  const error = await readOnnx(bytes, supported ? { supported } : {}).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(RekindleError);
  return error as RekindleError;
}

test("inputs: named sizes stay free, unnamed ones get a name, constants are none", async () => {
  const graph = await readOnnx(
    onnxModel({
      inputs: [value("x", ["N", undefined, -1, 4]), value("w", [1])],
      outputs: [value("y")],
      nodes: [node("Mul", "x w", "y")],
      constants: [floatTensor("w", [1], [2])],
    }),
  );
  expect(graph.inputs).toEqual([
    { name: "x", dtype: "float32", dims: ["N", "x_dim1", "x_dim2", 4] },
  ]);
  expect(graph.outputs).toEqual([{ name: "y", dtype: "float32" }]);
  expect(graph.constants.get("w")!.toNumbers()).toEqual(Float64Array.of(2));
});

test("an unnamed size gets a name that the model does not use", async () => {
  const inputs = [value("x", [undefined]), value("z", ["x_dim0"])];
  const { inputs: read } = await readOnnx(onnxModel({ ...relu, inputs }));
  expect(read.map((input) => input.dims)).toEqual([["x_dim0_1"], ["x_dim0"]]);
});

test("nodes are sorted, their names made unique, left-out inputs trimmed", async () => {
  const graph = await readOnnx(
    onnxModel({
      ...relu,
      nodes: [
        node("Add", "a b", "y", {}, { name: "n" }),
        node("Relu", "a", "b", {}, { name: "n" }),
        node("Relu", "x _ _", "a", {}, { name: "" }),
      ],
    }),
  );
  expect(graph.nodes.map(({ name, outputs }) => [name, outputs[0]])).toEqual([
    ["Relu_2", "a"],
    ["n_1", "b"],
    ["n", "y"],
  ]);
  expect(graph.nodes[0]!.inputs).toEqual(["x"]);
});

test("attributes of all kinds", async () => {
  const attributes = {
    f: float(0.5),
    i: int(-3),
    s: text("SAME_UPPER"),
    is: ints(1, 2),
    fs: { type: Kind.FLOATS, floats: [0.25] },
    ss: { type: Kind.STRINGS, strings: [new TextEncoder().encode("a")] },
    t: { type: Kind.TENSOR, t: floatTensor("", [2], [1, 2]) },
  };
  const { nodes } = await readOnnx(
    onnxModel({ ...relu, nodes: [node("Relu", "x", "y", attributes)] }),
  );
  expect(nodes[0]!.attributes).toEqual({
    f: 0.5,
    i: -3,
    s: "SAME_UPPER",
    is: [1, 2],
    fs: [0.25],
    ss: ["a"],
    t: Tensor.from("float32", [1, 2], [2]),
  });
});

describe("functions that the model defines", () => {
  const domains = { "": 18, mine: 1 };
  const body = {
    name: "Twice",
    domain: "mine",
    input: ["a"],
    output: ["c"],
    attribute: ["slope"],
    opsetImport: [{ domain: "", version: 18n }],
    node: [
      node("LeakyRelu", "a", "b", {
        alpha: { type: Kind.FLOAT, refAttrName: "slope" },
      }),
      node("Add", "b b", "c"),
    ],
  };
  const call = (inputs: string, outputs: string, slope: number) =>
    node("Twice", inputs, outputs, { slope: float(slope) }, { domain: "mine" });

  test("are replaced by their bodies", async () => {
    const graph = await readOnnx(
      onnxModel({
        ...relu,
        imports: domains,
        functions: [body],
        nodes: [call("x", "m", 0.5), call("m", "y", 0.25)],
      }),
    );
    expect(graph.nodes.map((n) => [n.op, n.inputs, n.outputs, n.attributes])).toEqual([
      ["LeakyRelu", ["x"], ["myTwice/b"], { alpha: 0.5 }],
      ["Add", ["myTwice/b", "myTwice/b"], ["m"], {}],
      ["LeakyRelu", ["m"], ["myTwice_1/b"], { alpha: 0.25 }],
      ["Add", ["myTwice_1/b", "myTwice_1/b"], ["y"], {}],
    ]);
  });

  test("that call themselves are an error", async () => {
    const selfish = { ...body, node: [call("a", "c", 1)] };
    const nodes = [call("x", "y", 1)];
    const error = await errorOf({ ...relu, imports: domains, functions: [selfish], nodes });
    expect(error.message).toContain('"Twice" calls itself');
  });

  test.each([
    ["wide", 40],
    ["deep", 200],
  ])("that unfold without end are an error: %s", async (kind, count) => {
    const functions = Array.from({ length: count }, (_, i) => ({
      ...body,
      name: `F${i}`,
      node: (kind === "wide" ? ["b", "c"] : ["c"]).map((output) =>
        node(`F${i + 1}`, "a", output, {}, { domain: "mine" }),
      ),
    }));
    const nodes = [node("F0", "x", "y", {}, { domain: "mine" })];
    const error = await errorOf({ ...relu, imports: domains, functions, nodes });
    expect(error.message).toContain("unfold to over 100000 nodes or 100 levels");
  });
});

describe("everything unsupported is reported at once", () => {
  test("operators, by node, with what to do", async () => {
    const error = await errorOf(
      {
        ...relu,
        imports: { "": 13, "com.microsoft": 1 },
        nodes: [
          node("Relu", "x", "a"),
          ...[0, 1, 2, 3, 4, 5, 6].map((i) =>
            node("Einsum", "a", `e${i}`, {}, { name: `einsum${i}` }),
          ),
          node("FusedConv", "a", "f", {}, { domain: "com.microsoft" }),
          node("If", "a", "g", { then_branch: { type: Kind.GRAPH, g: { name: "then" } } }),
          node("BatchNormalization", "a s s s s", "y", { training_mode: int(1) }),
        ],
        constants: [floatTensor("s", [1], [1])],
      },
      new Set(["Relu", "BatchNormalization"]),
    );
    expect(error.code).toBe("model-unsupported");
    expect(error.message.split("\n")).toEqual([
      "the model needs 4 things that Rekindle does not support:",
      '  com.microsoft.FusedConv: not one of ONNX\'s own operators (node "myFusedConv"); ' +
        "export again without ONNX Runtime's optimizations, which put it there",
      '  If: it holds a subgraph (control flow) (node "myIf"); ' +
        "export with fixed control flow, or simplify the model with onnxsim",
      '  BatchNormalization: it is in training mode (node "myBatchNormalization"); ' +
        "export the model for inference (PyTorch: model.eval() before the export)",
      '  Einsum (7 nodes: "einsum0", "einsum1", "einsum2", "einsum3", "einsum4" and 2 more)',
    ]);
    expect(error.fix).toContain("cpu");
  });

  test.each<[string, Partial<TestModel>, string]>([
    ["an old opset", { opset: 6 }, "its opset is 6, Rekindle reads 7 to 28"],
    ["a future opset", { opset: 99 }, "its opset is 99"],
    ["no opset", { imports: {} }, "no opset is declared"],
    ["an input of text", { inputs: [value("x", [1], 8)] }, 'input "x" is of STRING'],
    ["an input without shape", { inputs: [value("x")] }, 'input "x" declares no shape'],
    ["a sequence", { inputs: [{ name: "x" }] }, 'input "x" is a value without type'],
    [
      "a constant of text",
      { constants: [{ name: "s", dataType: 8, dims: [0n] }] },
      'tensor "s" has elements of type STRING',
    ],
    [
      "the mask of Dropout",
      { nodes: [node("Dropout", "x", "d m"), node("And", "m m", "y")] },
      "are read",
    ],
    [
      "BatchNormalization per pixel",
      { opset: 7, nodes: [node("BatchNormalization", "x x x x x", "y", { spatial: int(0) })] },
      "spatial = 0",
    ],
    [
      "GroupNormalization in its first form",
      { nodes: [node("GroupNormalization", "x x x", "y", { num_groups: int(1) })] },
      "its meaning changed in opset 21",
    ],
    [
      "Resize of opset 10 both ways",
      {
        opset: 10,
        constants: [floatTensor("s", [2], [0.5, 2])],
        nodes: [node("Resize", "x s", "y")],
      },
      "it enlarges one axis and reduces another",
    ],
  ])("%s", async (_, change, message) => {
    const error = await errorOf({ ...relu, ...change });
    expect(error.code).toBe("model-unsupported");
    expect(error.message).toContain(message);
  });
});

describe("a model that contradicts itself", () => {
  test.each<[string, Partial<TestModel>, string]>([
    ["no outputs", { outputs: [] }, "the model has no outputs"],
    ["an output of nothing", { outputs: [value("z")] }, 'computed by no node: output "z"'],
    [
      "values from nowhere",
      { nodes: [node("Add", "a b", "y")] },
      'computed by no node: "a", read by node "myAdd" (Add), "b", read by node "myAdd" (Add)',
    ],
    [
      "two sources",
      { nodes: [node("Relu", "x", "y"), node("Relu", "x", "y")] },
      'defined more than once: "y"',
    ],
    [
      "a cycle",
      { nodes: [node("Relu", "y", "a"), node("Tanh", "a", "y")] },
      'these nodes need each other: "myRelu", "myTanh"',
    ],
    [
      "bounds of many elements",
      { constants: [floatTensor("s", [2], [0, 1])], nodes: [node("Clip", "x s", "y")] },
      'node "myClip" (Clip): its min has 2 elements, needs 1',
    ],
    ["a rule without input", { nodes: [node("Clip", "_ x", "y")] }, "has no input or no output"],
  ])("%s", async (_, change, message) => {
    const error = await errorOf({ ...relu, ...change });
    expect(error.code).toBe("model-invalid");
    expect(error.message).toContain(message);
  });
});

test("a chain of 20,000 nodes in reverse order is no problem", async () => {
  const count = 20_000;
  const nodes = Array.from({ length: count }, (_, i) =>
    node("Relu", i === 0 ? "x" : `v${i - 1}`, i === count - 1 ? "y" : `v${i}`),
  );
  const graph = await readOnnx(onnxModel({ ...relu, nodes: nodes.reverse() }));
  expect(graph.nodes[0]!.inputs).toEqual(["x"]);
  expect(graph.nodes).toHaveLength(count);
});
