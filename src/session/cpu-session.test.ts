import { describe, expect, test } from "vitest";
import { expectClose } from "../../test/cases.ts";
import { GraphBuilder, randomFeeds } from "../../test/graphs.ts";
import type { Graph } from "../graph/index.ts";
import { evaluateGraph, resolve } from "../passes/index.ts";
import { Tensor } from "../tensor/index.ts";
import { Session } from "./session.ts";

function network(): Graph {
  const b = new GraphBuilder();
  const x = b.input("x", ["N", 3, 8, 8]);
  const y = b.op("Relu", [b.op("Conv", [x, b.weight([4, 3, 3, 3]), b.weight([4])])]);
  return b.graph(b.op("Flatten", [y]));
}

describe("a session on the CPU", () => {
  test("computes what the references compute", async () => {
    const graph = network();
    const typed = resolve(graph, new Map([["x", [2, 3, 8, 8]]]));
    const feeds = randomFeeds(typed);
    const session = await Session.create(graph, { device: "cpu" });
    const results = await session.run(Object.fromEntries(feeds));
    for (const [name, expected] of evaluateGraph(typed, feeds)) {
      expectClose(results[name]!, expected, 1e-5);
    }
    expect(session.device).toMatchObject({ kind: "cpu", backend: "onnxruntime" });
    expect(session.stats).toMatchObject({ runs: 1, dispatches: 0 });
    await session.dispose();
    await expect(session.run({})).rejects.toMatchObject({ code: "disposed" });
  });

  test("checks inputs as a GPU session does", async () => {
    const session = await Session.create(network(), { device: "cpu", dimensions: { N: 2 } });
    const feed = (n: number) => new Tensor("float32", new Float32Array(n * 192), [n, 3, 8, 8]);
    await expect(session.run({ x: feed(1) })).rejects.toMatchObject({ code: "input-shape" });
    await expect(session.run({ y: feed(2) })).rejects.toMatchObject({ code: "input-name" });
    await expect(session.run({ x: feed(2).cast("float64") })).rejects.toMatchObject({
      code: "input-dtype",
    });
    await session.run({ x: feed(2) });
    await session.dispose();
  });

  test("says that it computes in float32 where float16 was asked for", async () => {
    const session = await Session.create(network(), { device: "cpu", precision: "f16" });
    expect(session.precision).toBe("f32");
    expect(session.device.reason).toContain("float32");
    await session.dispose();
  });
});
