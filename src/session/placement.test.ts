import { describe, expect, test } from "vitest";
import { gpuTraits } from "../../test/gpu-traits.ts";
import { GraphBuilder } from "../../test/graphs.ts";
import { accesses } from "../../test/plans.ts";
import { randomJoins } from "../../test/random-joins.ts";
import { optimize } from "../passes/index.ts";
import { makePlan } from "./plan.ts";

/** How many inputs of joins are copied. */
const copiesOf = (b: GraphBuilder, ...outputs: string[]): number =>
  makePlan(optimize(b.typed(...outputs), { precision: "f32" }), gpuTraits).dispatches.filter((d) =>
    d.label.startsWith("Concat"),
  ).length;

/** A builder of pictures [1, channels, 6, 6] with layers that keep the size. */
function pictures() {
  const b = new GraphBuilder();
  const conv = (x: string, filters = 8) =>
    b.op("Relu", [b.op("Conv", [x, b.weight([filters, b.dims(x)[1]!, 1, 1])])]);
  const join = (...parts: string[]) => b.op("Concat", parts, { axis: 1 });
  const pool = (x: string) => b.op("MaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] });
  return { b, x: b.input("x", [1, 8, 6, 6]), conv, join, pool };
}

describe("what is joined is written where it belongs", () => {
  test("branches that only the join reads", () => {
    const { b, x, conv, join } = pictures();
    const stem = conv(x);
    expect(copiesOf(b, conv(join(conv(stem), conv(stem, 12), conv(stem))))).toBe(0);
  });

  test("a value that others read as well, in its place", () => {
    const { b, x, conv, join, pool } = pictures();
    const skip = conv(x);
    const up = conv(conv(skip), 12);
    expect(copiesOf(b, conv(join(skip, up)), pool(skip))).toBe(0);
  });

  test("a join of a join, whose inner one is read", () => {
    const { b, x, conv, join } = pictures();
    const first = join(conv(x), conv(x, 12));
    const second = join(first, conv(b.op("Sigmoid", [first])));
    expect(copiesOf(b, conv(second))).toBe(0);
  });
});

test("a dense block, in which every layer joins all that came before it", () => {
  const { b, x, conv, join } = pictures();
  const features = [conv(x)];
  for (let i = 0; i < 4; i++) {
    const all = i === 0 ? features[0]! : join(...features);
    features.push(conv(conv(b.op("Sigmoid", [all]), 16)));
  }
  expect(copiesOf(b, conv(join(...features)))).toBe(0);
});

describe("what cannot lie there is copied", () => {
  test("a value from which another part of the same join is computed in one step", () => {
    const { b, x, conv, join } = pictures();
    const first = conv(x);
    expect(copiesOf(b, conv(join(first, conv(first))))).toBe(1);
  });

  test("inputs of the network", () => {
    const { b, x, conv, join } = pictures();
    expect(copiesOf(b, conv(join(b.op("Reshape", [x, b.ints(1, 8, 6, 6)]), conv(x))))).toBe(1);
  });

  test("outputs of the network", () => {
    const b = new GraphBuilder();
    const x = b.input("x", [4, 8]);
    const [y, z] = [b.op("Relu", [x]), b.op("Tanh", [x])];
    expect(copiesOf(b, y, b.op("Concat", [y, z], { axis: 1 }))).toBe(1);
  });

  test("channels that are no multiple of 4, which leave no vector whole", () => {
    const { b, x, conv, join } = pictures();
    expect(copiesOf(b, conv(join(conv(x, 12), conv(x, 6), conv(x, 8))))).toBe(3);
  });

  test("a value that is joined twice", () => {
    const { b, x, conv, join } = pictures();
    const y = conv(x);
    expect(copiesOf(b, conv(join(y, y)))).toBe(2);
  });

  test("what a fused step reads", () => {
    const { b, x, conv, join } = pictures();
    const y = conv(x);
    const other = b.op("Add", [b.op("Conv", [conv(x), b.weight([8, 8, 1, 1])]), y]);
    expect(copiesOf(b, conv(join(y, conv(x))), conv(other))).toBe(1);
  });
});

test("no dispatch of random networks of joins reads what it writes", () => {
  let copies = 0;
  let joined = 0;
  for (let seed = 0; seed < 60; seed++) {
    const graph = optimize(randomJoins(seed, 24), { precision: "f32" });
    const { dispatches } = makePlan(graph, gpuTraits);
    for (const dispatch of dispatches) {
      const { writes, reads } = accesses(dispatch);
      expect(new Set(writes).size).toBe(writes.length);
      expect(reads.filter((slot) => writes.includes(slot))).toEqual([]);
    }
    copies += dispatches.filter((d) => d.label.startsWith("Concat")).length;
    for (const { op, inputs } of graph.nodes) if (op === "Concat") joined += inputs.length;
  }
  // In such wild networks about half of the inputs have to be copied.
  expect(copies).toBeGreaterThan(0);
  expect(copies).toBeLessThan(0.8 * joined);
});
