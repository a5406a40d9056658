import { describe, expect, test } from "vitest";
import { expectSameResults, expectValid, GraphBuilder } from "../../test/graphs.ts";
import { padIntoWindow } from "./pad.ts";
import { rewrite } from "./rewrite.ts";

type Write = (b: GraphBuilder, x: string) => string;
const conv =
  (attributes: Record<string, number | string | number[]> = {}): Write =>
  (b, x) =>
    b.op("Conv", [x, b.weight([3, 2, 3, 3])], attributes);
const pool =
  (op: string, attributes: Record<string, number | number[]> = {}): Write =>
  (b, x) =>
    b.op(op, [x], { kernel_shape: [3, 3], ...attributes });

function build(write: Write, pads: number[], more: (b: GraphBuilder) => string[] = () => []) {
  const b = new GraphBuilder();
  const padded = b.op("Pad", [b.input("x", [1, 2, 7, 6]), b.ints(...pads), ...more(b)]);
  return b.typed(write(b, padded));
}

const uneven = [0, 0, 1, 0, 0, 0, 2, 1];

describe("the window pads by itself", () => {
  test.each<[string, Write, number[]]>([
    ["Conv", conv(), uneven],
    ["Conv with padding of its own", conv({ pads: [1, 1, 0, 1], strides: [2, 2] }), uneven],
    ["Conv, same upper", conv({ auto_pad: "SAME_UPPER", strides: [2, 3] }), uneven],
    ["Conv, dilated", conv({ dilations: [2, 2] }), uneven],
    ["AveragePool", pool("AveragePool", { strides: [2, 2] }), uneven],
    [
      "AveragePool that counts",
      pool("AveragePool", { pads: [0, 1, 0, 1], count_include_pad: 1 }),
      uneven,
    ],
  ])("%s", (_name, write, pads) => {
    const before = build(write, pads);
    const after = rewrite(before, padIntoWindow);
    expect(after.nodes.map((n) => n.op)).toEqual([before.nodes[1]!.op]);
    expectValid(after);
    expectSameResults(after, before);
  });

  test("Pad with named axes", () => {
    const before = build(conv(), [1, 2], (b) => ["", b.ints(-1)]);
    const after = rewrite(before, padIntoWindow);
    expect(after.nodes.map((n) => n.op)).toEqual(["Conv"]);
    expectSameResults(after, before);
  });
});

describe("Pad stays", () => {
  const zero = () => [];
  test.each<[string, Write, number[], (b: GraphBuilder) => string[]]>([
    ["before MaxPool: zero is not minus infinity", pool("MaxPool"), uneven, zero],
    ["with another value", conv(), uneven, (b) => [b.constant([], [1])]],
    ["where it crops", conv(), [0, 0, -1, 0, 0, 0, 0, 0], zero],
    ["along the batch", conv(), [1, 0, 0, 0, 0, 0, 0, 0], zero],
    [
      "before a pool that does not count its own",
      pool("AveragePool", { pads: [1, 1, 1, 1] }),
      uneven,
      zero,
    ],
    ["before a pool that it outgrows", pool("AveragePool"), [0, 0, 3, 0, 0, 0, 0, 0], zero],
  ])("%s", (_name, write, pads, more) => {
    const before = build(write, pads, more);
    expect(rewrite(before, padIntoWindow).nodes).toEqual(before.nodes);
  });
});
