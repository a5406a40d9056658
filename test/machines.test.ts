import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Facts, factsSchema } from "../src/doctor/facts.ts";
import { type Diagnosis, diagnose } from "../src/doctor/rule.ts";
import { rules } from "../src/doctor/rules/index.ts";
import { verdictOf } from "../src/doctor/verdict.ts";
import { idsOf, machines } from "./machines.ts";

describe.each(machines)("$name", ({ facts, expected, source, diagnosis }) => {
  test("has exactly the expected findings", () => {
    expect(idsOf(diagnosis.found).sort()).toEqual([...expected.found].sort());
  });

  test("leaves exactly the expected rules open", () => {
    expect(idsOf(diagnosis.unknown).sort()).toEqual([...expected.unknown].sort());
  });

  test("comes to the expected verdict", () => {
    const verdict = verdictOf(facts, diagnosis);
    expect(verdict.outcome).toBe(expected.outcome);
    expect(verdict.sentence).toMatch(/^[A-Z].*[^.]\.$/);
    expect(verdict.way.length > 0).toBe(expected.outcome !== "works");
  });

  test("names its source", () => {
    const parent = /^derived from ([\w.-]+): \S/.exec(source)?.[1];
    if (parent) expect(machines.map((machine) => machine.name)).toContain(parent);
    else expect(source).toMatch(/^posted: https:\/\/github\.com\/\S+ \(\d{4}-\d\d(-\d\d)?\); \S/);
  });

  test("explains what is found by known facts, and what is open by missing ones", () => {
    for (const { rule, cases } of diagnosis.found) {
      for (const { why, facts: decisive, remedies } of cases) {
        expect(
          decisive.filter((seen) => seen.value !== undefined),
          rule.id,
        ).not.toEqual([]);
        expect(`${why} ${JSON.stringify(remedies)}`).not.toMatch(/\{(card|pytorch|seen|library)\./);
      }
    }
    for (const { cases } of diagnosis.unknown) {
      for (const { why } of cases) expect(why).toMatch(/(is|are) not known$|alone cannot tell$/);
    }
  });
});

test("there are at least 20 machines, half of them not derived from one", () => {
  expect(machines.length).toBeGreaterThanOrEqual(20);
  expect(machines.filter(({ source }) => source.startsWith("posted")).length).toBeGreaterThan(14);
});

describe.each(rules)("rule $id", (rule) => {
  test("is found on a machine", () => {
    expect(machines.filter(({ expected }) => expected.found.includes(rule.id))).not.toEqual([]);
  });

  test("is clear on a machine", () => {
    expect(machines.filter(({ diagnosis }) => diagnosis.clear.includes(rule))).not.toEqual([]);
  });
});

const verdictOn = (name: string) => {
  const machine = machines.find((m) => m.name === name)!;
  return verdictOf(machine.facts, machine.diagnosis);
};

describe("the verdict", () => {
  test("mends from the hardware upwards, each step once", () => {
    const { sentence, way } = verdictOn("rx5600xt-stock-override");
    expect(sentence).toContain("HSA_OVERRIDE_GFX_VERSION is 10.3.0, and AMD Radeon RX 5600 XT");
    expect(way.flatMap((step) => step.commands)).toEqual([
      "unset HSA_OVERRIDE_GFX_VERSION",
      "python3 -m venv ~/rekindle-torch",
      expect.stringContaining('"torch[device-gfx1010]=='),
    ]);
  });

  test("stops at a way round", () => {
    expect(verdictOn("pro5600m-macos").way).toMatchObject([{ isWayRound: true }]);
  });

  test("takes the PyTorch that fares best", () => {
    expect(verdictOn("rx5600xt-two-torchs").sentence).toContain("with the PyTorch in ~/amd");
  });

  test("claims nothing that is only inferred", () => {
    expect(verdictOn("rx5600xt-kernel-6.12").sentence).toMatch(/^Conv2d in PyTorch may fail here/);
  });

  test("says what would tell where facts are missing", () => {
    const { sentence } = verdictOn("rx5600xt-kernel-6.17-rocm714");
    expect(sentence).toMatch(
      /cannot be said: torch\.0\.rocmVersion alone cannot tell; this tells: /,
    );
  });
});

/** Of these, entries that are absent are known to be unset: they are known as a whole. */
const wholes = /(^|\.)(env|parameters|packages)$/;

/** Every key that can be taken out of facts, as a path. */
function keysIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null || wholes.test(path.join("."))) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const at = [...path, key];
    return [...(Array.isArray(value) ? [] : [at]), ...keysIn(inner, at)];
  });
}

/** The facts without some keys; undefined where what is left has no meaning. */
function without(facts: Facts, paths: readonly (readonly string[])[]): Facts | undefined {
  const copy = structuredClone(facts);
  for (const path of paths) {
    let holder: unknown = copy;
    for (const key of path.slice(0, -1)) holder = (holder as Record<string, unknown>)?.[key];
    if (holder) delete (holder as Record<string, unknown>)[path.at(-1)!];
  }
  const parsed = factsSchema.safeParse(copy);
  return parsed.success ? parsed.data : undefined;
}

/** Rules that knowing less has turned from found to clear, or from clear to found. */
function turned(before: Diagnosis, after: Diagnosis): string[] {
  const clear = (diagnosis: Diagnosis) => diagnosis.clear.map((rule) => rule.id);
  return [
    ...idsOf(before.found).filter((id) => clear(after).includes(id)),
    ...clear(before).filter((id) => idsOf(after.found).includes(id)),
  ];
}

describe("what is not known", () => {
  test.each(machines)("$name: one fact less never turns an answer round", (machine) => {
    const { facts, diagnosis } = machine;
    for (const path of keysIn(facts)) {
      const less = without(facts, [path]);
      if (!less) continue;
      expect(turned(diagnosis, diagnose(less, rules)), `without ${path.join(".")}`).toEqual([]);
    }
  });

  test("many facts less never turn an answer round", () => {
    const cases = fc
      .constantFrom(...machines)
      .chain((machine) => fc.subarray(keysIn(machine.facts)).map((paths) => ({ machine, paths })));
    fc.assert(
      fc.property(cases, ({ machine, paths }) => {
        const less = without(machine.facts, paths);
        fc.pre(less !== undefined);
        expect(turned(machine.diagnosis, diagnose(less!, rules))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test("with nothing known nothing is found, and nothing is clear", () => {
    const { found, clear } = diagnose({ version: 1 }, rules);
    expect([...idsOf(found), ...clear.map((rule) => rule.id)]).toEqual([]);
  });
});
