import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../test/graphs.ts";
import type { Graph } from "../graph/index.ts";
import { writeOnnx } from "../onnx/index.ts";
import { type DType, Tensor } from "../tensor/index.ts";
import { cpuProblem } from "./ort.ts";
import { OrtModel } from "./ort-model.ts";

/** `y = Identity(x)` of a type, as ONNX. */
function identity(dtype: DType): Uint8Array {
  const graph: Graph = {
    name: "identity",
    inputs: [{ name: "x", dtype, dims: ["N"] }],
    outputs: [{ name: "y", dtype, dims: ["N"] }],
    nodes: [{ name: "i", op: "Identity", inputs: ["x"], outputs: ["y"], attributes: {} }],
    constants: new Map(),
  };
  return writeOnnx(graph);
}

describe("OrtModel", () => {
  test("ONNX Runtime is there", async () => {
    expect(await cpuProblem()).toBeUndefined();
  });

  test.each(["float32", "float16", "float64", "int64", "int32", "uint8", "bool"] as const)(
    "%s goes in and comes back",
    async (dtype) => {
      const model = await OrtModel.load(identity(dtype));
      const x = Tensor.from(dtype, [0, 1, dtype === "bool" ? 1 : 2], [3]);
      const y = (await model.run(new Map([["x", x]]))).get("y")!;
      expect(y).toEqual(x);
      expect(model.inputs).toEqual([{ name: "x", dtype, dims: ["N"] }]);
      await model.dispose();
    },
  );

  test("what cannot be loaded is said in our errors", async () => {
    await expect(OrtModel.load("/no/such/model.onnx")).rejects.toMatchObject({
      code: "file-missing",
    });
    await expect(OrtModel.load(new Uint8Array([1, 2, 3]))).rejects.toMatchObject({
      code: "file-invalid",
    });
    const b = new GraphBuilder();
    const unknown = writeOnnx({
      ...b.graph(b.op("NoSuchOperator", [b.input("x", [1])])),
    });
    await expect(OrtModel.load(unknown)).rejects.toMatchObject({
      code: "model-unsupported",
      message: expect.stringContaining("NoSuchOperator"),
    });
  });

  test("a run that fails is an error, and the model runs again", async () => {
    const b = new GraphBuilder();
    const x = b.input("x", ["N", "C"]);
    const model = await OrtModel.load(writeOnnx(b.graph(b.op("MatMul", [x, b.weight([2, 2])]))));
    const feeds = (dims: number[]) => new Map([["x", Tensor.from("float32", [1, 2, 3, 4], dims)]]);
    await expect(model.run(feeds([1, 4]))).rejects.toMatchObject({ code: "model-invalid" });
    expect((await model.run(feeds([2, 2]))).size).toBe(1);
    await model.dispose();
  });
});
