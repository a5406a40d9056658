import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Lifetime, planMemory } from "./memory.ts";

const lifetime = (bytes: fc.Arbitrary<number>) =>
  fc
    .tuple(bytes, fc.nat(40), fc.nat(12))
    .map(([bytes, first, length]): Lifetime => ({ bytes, first, last: first + length }));

const lifetimes = fc.array(lifetime(fc.integer({ min: 1, max: 1000 })), { maxLength: 60 });

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** The most bytes that are needed at one step: no plan can do with less. */
function liveMax(values: readonly Lifetime[]): number {
  const at = (step: number) => values.filter((v) => v.first <= step && step <= v.last);
  return Math.max(0, ...values.map((v) => sum(at(v.first).map((o) => o.bytes))));
}

describe("planMemory", () => {
  test("values that live at the same step never share a slot", () => {
    fc.assert(
      fc.property(lifetimes, (values) => {
        const { slotOf } = planMemory(values);
        values.forEach((a, i) => {
          values.slice(0, i).forEach((b, j) => {
            if (slotOf[i] === slotOf[j]) expect(a.last < b.first || b.last < a.first).toBe(true);
          });
        });
      }),
    );
  });

  test("every value fits its slot, and no slot is larger than its largest value", () => {
    fc.assert(
      fc.property(lifetimes, (values) => {
        const { slotOf, slotBytes } = planMemory(values);
        slotBytes.forEach((bytes, slot) => {
          const held = values.filter((_, i) => slotOf[i] === slot).map((v) => v.bytes);
          expect(bytes).toBe(Math.max(...held));
        });
      }),
    );
  });

  test("values of one size take exactly the least memory that is possible", () => {
    fc.assert(
      fc.property(fc.array(lifetime(fc.constant(64)), { maxLength: 60 }), (values) => {
        expect(sum(planMemory(values).slotBytes)).toBe(liveMax(values));
      }),
    );
  });

  test("stays near the least memory that is possible for any sizes", () => {
    fc.assert(
      fc.property(lifetimes, (values) => {
        const total = sum(planMemory(values).slotBytes);
        expect(total).toBeGreaterThanOrEqual(liveMax(values));
        expect(total).toBeLessThanOrEqual(3 * liveMax(values));
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  test("a chain of shrinking layers needs its two largest neighbours", () => {
    const values = [100, 80, 60, 40, 20].map((bytes, i) => ({ bytes, first: i, last: i + 1 }));
    expect(planMemory(values)).toEqual({ slotOf: [0, 1, 0, 1, 0], slotBytes: [100, 80] });
  });
});
