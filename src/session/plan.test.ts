import { describe, expect, test } from "vitest";
import { gpuTraits as device } from "../../test/gpu-traits.ts";
import { GraphBuilder } from "../../test/graphs.ts";
import { accesses } from "../../test/plans.ts";
import { residualProducts } from "../../test/residual-products.ts";
import type { TypedGraph } from "../graph/index.ts";
import { models } from "../models/index.ts";
import { optimize, resolve } from "../passes/index.ts";
import { makePlan } from "./plan.ts";

function modelGraph(name: string, imageSize: number): TypedGraph {
  const graph = models.get(name)!.build({ batch: 1, imageSize });
  const shapes = new Map([["x", [1, 3, imageSize, imageSize]]]);
  return optimize(resolve(graph, shapes), { precision: "f32" });
}

describe("makePlan", () => {
  test.each(["resnet18", "mobilenet_v2", "unet", "googlenet"])(
    "%s: no dispatch reads what it writes, and little memory is enough",
    (name) => {
      const graph = modelGraph(name, 64);
      // Emulated GPUs split no sums, whose parts would take memory that is not counted here.
      const plan = makePlan(graph, { ...device, isSoftware: true });
      for (const dispatch of plan.dispatches) {
        const { writes, reads } = accesses(dispatch);
        expect(writes.length).toBeGreaterThan(0);
        expect(new Set(writes).size).toBe(writes.length);
        expect(reads.filter((slot) => writes.includes(slot))).toEqual([]);
      }
      const sizes = graph.nodes.flatMap((n) => n.outputs).map((v) => graph.types.get(v)!.dims);
      const all = sizes.reduce((sum, dims) => sum + 4 * dims.reduce((a, b) => a * b, 1), 0);
      expect(plan.slotBytes.reduce((a, b) => a + b, 0)).toBeLessThan(all / 2);
    },
  );

  test.each(["squeezenet1_1", "googlenet", "unet", "densenet121"])(
    "%s: nothing is copied to be joined",
    (name) => {
      const { dispatches } = makePlan(modelGraph(name, 64), device);
      expect(dispatches.filter(({ label }) => label.startsWith("Concat"))).toEqual([]);
    },
  );

  test("products with and without a residual sum, a Relu and strides share a shader", () => {
    const shapes = new Map([["x", [1, 8, 9, 7]]]);
    const graph = optimize(resolve(residualProducts(), shapes), { precision: "f32" });
    const products = makePlan(graph, device).dispatches.filter((d) => d.label.includes("gemm"));
    expect(products).toHaveLength(5);
    expect(new Set(products.map(({ wgsl }) => wgsl)).size).toBe(1);
  });

  test("views have no memory of their own", () => {
    const b = new GraphBuilder();
    const y = b.op("Reshape", [b.op("Relu", [b.input("x", [2, 8])]), b.ints(16)]);
    const plan = makePlan(b.typed(b.op("Reshape", [y, b.ints(4, 4)])), device);
    expect(plan.slotBytes).toEqual([64, 64]);
    expect(plan.dispatches.map((d) => d.node)).toHaveLength(1);
    expect(plan.outputs[0]!.source).toEqual({ kind: "slot", slot: 1 });
  });

  test("an input that nothing reads takes no memory", () => {
    const b = new GraphBuilder();
    b.input("unread", [1000]);
    const plan = makePlan(b.typed(b.op("Relu", [b.input("x", [4])])), device);
    expect(plan.inputs.map((input) => input.name)).toEqual(["x"]);
    expect(plan.slotBytes).toEqual([16, 16]);
  });

  test("params lie at offsets that WebGPU allows, equal ones once", () => {
    const b = new GraphBuilder();
    const [x, y] = [b.input("x", [8]), b.input("y", [12])];
    const outputs = [b.op("Relu", [x]), b.op("Sigmoid", [x]), b.op("Relu", [y])];
    const plan = makePlan(b.typed(...outputs), { ...device, isSoftware: true });
    const params = plan.dispatches.flatMap((d) =>
      d.bindings.flatMap((binding) => (binding.kind === "params" ? [binding] : [])),
    );
    expect(params.map((p) => p.offset)).toEqual([0, 0, 256]);
    const words = new Uint32Array(plan.params.buffer);
    expect([words[0], words[64]]).toEqual([2, 3]);
  });

  test("a real GPU gets its sizes in the text of the shaders", () => {
    const b = new GraphBuilder();
    const plan = makePlan(b.typed(b.op("Relu", [b.input("x", [8])])), device);
    expect(plan.params.byteLength).toBe(0);
    expect(plan.dispatches[0]!.wgsl).toContain("const params");
  });

  test("a weight that is too large for the device, with both numbers", () => {
    const b = new GraphBuilder();
    const typed = b.typed(b.op("Add", [b.input("x", [1024]), b.weight([1024])]));
    const small = { ...device, maxStorageBufferBindingSize: 2048 };
    expect(() => makePlan(typed, small)).toThrow(
      expect.objectContaining({
        code: "device-limit",
        message: expect.stringMatching(/needs 4.0 KiB, .* at most 2.0 KiB/),
      }),
    );
  });

  test("every node without a kernel for the device is named", () => {
    const b = new GraphBuilder();
    const typed = b.typed(b.op("Softmax", [b.op("Softmax", [b.input("x", [4, 64])])]));
    const attempt = () => makePlan(typed, { ...device, maxComputeInvocationsPerWorkgroup: 1 });
    expect(attempt).toThrow(
      expect.objectContaining({
        code: "device-limit",
        message: expect.stringMatching(
          /Softmax0.*: .* the device has 1\n.*Softmax1.*the device has 1$/,
        ),
      }),
    );
  });
});
