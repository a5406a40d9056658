import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { GraphBuilder } from "../../test/graphs.ts";
import { type Gpu, openGpu } from "../gpu/index.ts";
import type { Graph } from "../graph/index.ts";
import { Tensor } from "../tensor/index.ts";
import { Session } from "./session.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu({ kind: "software" });
});
afterAll(() => gpu.destroy());

const summary = { kind: "software", name: "test", backend: "webgpu", reason: "test" } as const;
const sessionOf = (graph: Graph, on = gpu) =>
  Session.on({ gpu: on, summary }, graph, {}, { keepOpen: true });

/** y = 2 x, with any number of rows of 3; and outputs that no kernel computes. */
function doubling(): Graph {
  const b = new GraphBuilder();
  const x = b.input("x", ["N", 3]);
  return b.graph(b.op("Add", [x, x]), x, b.constant([2], [7, 8]));
}

const rows = (...values: number[]) => Tensor.from("float32", values, [values.length / 3, 3]);

test("outputs stay on the device, feed the next run, and can be read", async () => {
  const session = await sessionOf(doubling());
  const [name, same, constant] = session.outputs.map((o) => o.name) as [string, string, string];
  const first = await session.runOnDevice({ x: rows(1, 2, 3) });
  const second = await session.runOnDevice({ x: first[name]! });
  const third = await session.run({ x: second[name]! });
  expect([...third[name]!.toNumbers()]).toEqual([8, 16, 24]);
  expect([...third[same]!.toNumbers()]).toEqual([4, 8, 12]);
  expect([...(await first[name]!.read()).toNumbers()]).toEqual([2, 4, 6]);
  expect([...(await second[same]!.read()).toNumbers()]).toEqual([2, 4, 6]);
  expect([...(await second[constant]!.read()).toNumbers()]).toEqual([7, 8]);
  first[name]!.dispose();
  await expect(first[name]!.read()).rejects.toMatchObject({ code: "disposed" });
  await expect(session.run({ x: first[name]! })).rejects.toMatchObject({ code: "disposed" });
  await session.dispose();
});

test("a tensor of another device comes over the CPU", async () => {
  const other = await openGpu({ kind: "software" });
  const [here, there] = [await sessionOf(doubling()), await sessionOf(doubling(), other)];
  const y = here.outputs[0]!.name;
  const made = await there.runOnDevice({ x: rows(1, 0, -1) });
  const result = await here.run({ x: made[y]! });
  expect([...result[y]!.toNumbers()]).toEqual([4, 0, -4]);
  await here.dispose();
  await there.dispose();
  other.destroy();
});

test("a tensor on the device is checked like any other", async () => {
  const session = await sessionOf(doubling());
  const constant = session.outputs[2]!.name;
  const made = await session.runOnDevice({ x: rows(1, 2, 3) });
  const run = session.run({ x: made[constant]! });
  await expect(run).rejects.toMatchObject({ code: "input-shape" });
  await session.dispose();
});

test("runs that overlap give each its own outputs, in shapes that come and go", async () => {
  const session = await sessionOf(doubling());
  const y = session.outputs[0]!.name;
  const feeds = Array.from({ length: 40 }, (_, i) => {
    const length = 3 * (1 + (i % 7));
    return rows(...new Array(length).fill(i));
  });
  const all = await Promise.all(feeds.map((x) => session.run({ x })));
  all.forEach((outputs, i) => {
    expect(outputs[y]!.dims).toEqual(feeds[i]!.dims);
    expect(new Set(outputs[y]!.toNumbers())).toEqual(new Set([2 * i]));
  });
  await session.dispose();
});

test("runMany keeps the order, and ends with the first error", async () => {
  const session = await sessionOf(doubling());
  const y = session.outputs[0]!.name;
  const seen: number[] = [];
  const feeds = [1, 2, 3, 4, 5, 6].map((value) => ({ x: rows(value, value, value) }));
  for await (const outputs of session.runMany(feeds)) seen.push(outputs[y]!.toNumbers()[0]!);
  expect(seen).toEqual([2, 4, 6, 8, 10, 12]);
  const wrong = { x: Tensor.from("float32", [1], [1]) };
  const results: number[] = [];
  const failing = async () => {
    for await (const outputs of session.runMany([feeds[0]!, wrong, feeds[1]!])) {
      results.push(outputs[y]!.toNumbers()[0]!);
    }
  };
  await expect(failing()).rejects.toMatchObject({ code: "input-shape" });
  expect(results).toEqual([2]);
  await session.dispose();
});

test("runs that cannot be issued leave the session usable", async () => {
  const session = await sessionOf(doubling());
  const y = session.outputs[0]!.name;
  const x = rows(1, 2, 3);
  await session.run({ x });
  const watch = vi.spyOn(gpu, "watch").mockImplementation(() => {
    throw new Error("no memory");
  });
  for (let i = 0; i < 5; i++) await expect(session.run({ x })).rejects.toThrow("no memory");
  watch.mockRestore();
  expect([...(await session.run({ x }))[y]!.toNumbers()]).toEqual([2, 4, 6]);
  await session.dispose();
});
