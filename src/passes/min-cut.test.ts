import fc from "fast-check";
import { expect, test } from "vitest";
import { type Edge, minimumCut } from "./min-cut.ts";

/** What a cut costs: the capacities from the source's side to the sink's. */
function costOf(side: ReadonlySet<number>, edges: readonly Edge[]): number {
  return edges.reduce((sum, e) => sum + (side.has(e.from) && !side.has(e.to) ? e.capacity : 0), 0);
}

test("no cut is cheaper, and no equal one has a larger source side", () => {
  const vertices = 6;
  const vertex = fc.nat(vertices - 1);
  const edge = fc.record({ from: vertex, to: vertex, capacity: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 14 }), (edges) => {
      const side = minimumCut(vertices, edges);
      expect(side.has(0)).toBe(true);
      expect(side.has(1)).toBe(false);
      for (let bits = 0; bits < 2 ** (vertices - 2); bits++) {
        const other = new Set([0, ...[2, 3, 4, 5].filter((v) => bits & (1 << (v - 2)))]);
        const [mine, its] = [costOf(side, edges), costOf(other, edges)];
        expect(its).toBeGreaterThanOrEqual(mine);
        if (its === mine) expect(other.size).toBeLessThanOrEqual(side.size);
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});
