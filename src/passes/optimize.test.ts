import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectClose } from "../../test/cases.ts";
import { expectValid, GraphBuilder, opsOf, randomFeeds } from "../../test/graphs.ts";
import { randomGraph } from "../../test/random-graphs.ts";
import type { TypedGraph } from "../graph/index.ts";
import { evaluateGraph } from "./evaluate-graph.ts";
import { type OptimizeOptions, optimize, type PassReport, passesFor } from "./optimize.ts";

/** Runs pass after pass, checking the graph and its results after each. */
function checkEveryPass(before: TypedGraph, options: OptimizeOptions, tolerance: number): void {
  const feeds = randomFeeds(before);
  const expected = evaluateGraph(before, feeds, { exact: true });
  let graph = before;
  for (const pass of passesFor(options)) {
    const next = pass.run(graph);
    const isSame = next.nodes.length === graph.nodes.length;
    if (isSame && next.nodes.every((node, i) => node === graph.nodes[i])) continue;
    try {
      expectValid(next);
      const actual = evaluateGraph(next, feeds, { exact: true });
      expect([...actual.keys()]).toEqual([...expected.keys()]);
      for (const [name, tensor] of expected) expectClose(actual.get(name)!, tensor, tolerance);
    } catch (error) {
      const text = `${pass.name}: ${opsOf(graph).join(" ")} -> ${opsOf(next).join(" ")}`;
      throw new Error(text, { cause: error });
    }
    graph = next;
  }
}

describe("every pass keeps what random graphs compute", () => {
  test.each([
    ["f32", true, 1e-6],
    ["f32", false, 1e-6],
    ["f16", true, 2e-2],
  ] as const)(
    "%s, layout %j",
    (precision, layout, tolerance) => {
      fc.assert(
        fc.property(randomGraph, (graph) => {
          checkEveryPass(graph, { precision, layout }, tolerance);
        }),
        { seed: 5, numRuns: 120 },
      );
    },
    120_000,
  );
});

test("optimizing again changes nothing", () => {
  fc.assert(
    fc.property(randomGraph, (graph) => {
      const once = optimize(graph, { precision: "f32" });
      expect(opsOf(optimize(once, { precision: "f32" })).length).toBe(once.nodes.length);
    }),
    { seed: 6, numRuns: 100 },
  );
});

test("every pass is reported", () => {
  const b = new GraphBuilder();
  const reports: PassReport[] = [];
  const x = b.op("Identity", [b.input("x", [2])]);
  const graph = b.typed(b.op("Tanh", [b.op("Relu", [x])]));
  optimize(graph, { precision: "f32", onPass: (report) => reports.push(report) });
  const changes = reports.filter((r) => r.nodesBefore !== r.nodesAfter);
  expect(changes).toEqual([
    { pass: "views", nodesBefore: 3, nodesAfter: 2 },
    { pass: "epilogues", nodesBefore: 2, nodesAfter: 1 },
  ]);
});
