import { expect, test } from "vitest";
import { expectSameResults, expectValid, GraphBuilder } from "../../test/graphs.ts";
import type { TypedGraph } from "../graph/index.ts";
import { continueJoins } from "./joins.ts";
import { rewrite } from "./rewrite.ts";

/** The inputs of every Concat, after the rule. */
function joinsOf(before: TypedGraph): (readonly string[])[] {
  const after = rewrite(before, continueJoins());
  expectValid(after);
  expectSameResults(after, before);
  return after.nodes.filter(({ op }) => op === "Concat").map(({ inputs }) => inputs);
}

function parts() {
  const b = new GraphBuilder();
  const x = b.input("x", [2, 4, 3]);
  const join = (axis: number, ...inputs: string[]) => b.op("Concat", inputs, { axis });
  const [p, q, r, s] = ["Relu", "Tanh", "Sigmoid", "Abs"].map((op) => b.op(op, [x]));
  return { b, join, p: p!, q: q!, r: r!, s: s! };
}

test("each of a growing row of joins goes on from the one before", () => {
  const { b, join, p, q, r, s } = parts();
  const two = join(1, p, q);
  const three = join(-2, p, q, r);
  const four = join(1, p, q, r, s);
  expect(joinsOf(b.typed(two, three, four))).toEqual([
    [p, q],
    [two, r],
    [three, s],
  ]);
});

test("the longest beginning is taken", () => {
  const { b, join, p, q, r, s } = parts();
  const [two, three] = [join(1, p, q), join(1, p, q, r)];
  const other = join(1, p, q, s, r);
  expect(joinsOf(b.typed(two, three, other))).toEqual([
    [p, q],
    [two, r],
    [two, s, r],
  ]);
});

test("another axis, another order and the same inputs are left alone", () => {
  const { b, join, p, q, r } = parts();
  const joins = [join(1, p, q), join(2, p, q, r), join(1, q, p, r), join(1, p, q)];
  expect(joinsOf(b.typed(...joins))).toEqual([
    [p, q],
    [p, q, r],
    [q, p, r],
    [p, q],
  ]);
});
