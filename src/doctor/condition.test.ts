import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Answer,
  all,
  any,
  both,
  type Condition,
  fact,
  firstKnown,
  forSome,
  look,
  not,
  some,
  type View,
  variable,
  variableWith,
} from "./condition.ts";

const view: View = {
  facts: {
    version: 1,
    kernel: { release: "6.8.0" },
    env: { HIP_VISIBLE_DEVICES: "1" },
    gpus: [{ gfx: "gfx90c" }, { gfx: "gfx1010", kfd: { node: 2 } }],
    amdgpu: { blocked: ["a", "b"] },
  },
  at: { card: 1 },
};
const answer = (condition: Condition) => condition(view).answer;
const always = (said: Answer): Condition => {
  return () => ({ answer: said, because: [{ path: said }] });
};

describe("look", () => {
  test("names the place of what is looked at", () => {
    expect(look(view, "card.kfd.node")).toEqual({ path: "gpus.1.kfd.node", value: 2 });
    expect(look(view, "card.vramBytes")).toEqual({ path: "gpus.1.vramBytes" });
    expect(look(view, "pytorch.version")).toEqual({ path: "torch" });
    expect(look(view, "kernel.release.length")).toEqual({ path: "kernel.release.length" });
  });
});

describe("facts", () => {
  const isNavi10 = fact("card.gfx", (gfx) => gfx === "gfx1010");

  test("pass or fail a test, with their evidence", () => {
    expect(isNavi10(view)).toEqual({
      answer: "yes",
      because: [{ path: "gpus.1.gfx", value: "gfx1010" }],
    });
    expect(isNavi10({ ...view, at: { card: 0 } }).answer).toBe("no");
  });

  test("that are absent are unknown, whatever the test", () => {
    const open = fact("card.vramBytes", () => true)(view);
    expect(open).toEqual({ answer: "unknown", because: [{ path: "gpus.1.vramBytes" }] });
    expect(answer(fact("kernel.release", () => "unknown"))).toBe("unknown");
    expect(answer(both("card.gfx", "card.name", () => true))).toBe("unknown");
    expect(answer(both("card.gfx", "kernel.release", () => true))).toBe("yes");
  });

  test("in lists count if one passes", () => {
    expect(some("amdgpu.blocked", (file) => file === "b")(view)).toEqual({
      answer: "yes",
      because: [{ path: "amdgpu.blocked.1", value: "b" }],
    });
    expect(answer(some("amdgpu.blocked", () => false))).toBe("no");
    expect(answer(some("amdgpu.blocked", (file) => (file === "a" ? "unknown" : false)))).toBe(
      "unknown",
    );
    expect(answer(some("settings", () => true))).toBe("unknown");
  });

  test("of the shell are known to be unset where the others are known", () => {
    expect(answer(variable("HIP_VISIBLE_DEVICES", (value) => value === "1"))).toBe("yes");
    expect(variable("LD_PRELOAD", (value) => value === undefined)(view)).toEqual({
      answer: "yes",
      because: [{ path: "env.LD_PRELOAD", value: "(not set)" }],
    });
    const nothing: View = { facts: { version: 1 }, at: {} };
    expect(variable("LD_PRELOAD", () => true)(nothing).answer).toBe("unknown");
    expect(answer(variableWith("A", "card.gfx", (value, gfx) => !value && gfx !== ""))).toBe("yes");
    expect(answer(variableWith("A", "card.name", () => true))).toBe("unknown");
  });

  test("of all cards are asked by forSome", () => {
    expect(
      answer(
        forSome(
          "card",
          fact("card.gfx", (gfx) => gfx === "gfx90c"),
        ),
      ),
    ).toBe("yes");
    expect(
      answer(
        forSome(
          "card",
          fact("card.gfx", (gfx) => gfx === "gfx900"),
        ),
      ),
    ).toBe("no");
    expect(
      answer(
        forSome(
          "library",
          fact("library.isOwned", () => true),
        ),
      ),
    ).toBe("unknown");
  });
});

describe("logic", () => {
  const rank = { no: 0, unknown: 1, yes: 2 } as const;
  const answers = fc.array(fc.constantFrom<Answer>("yes", "no", "unknown"), { minLength: 1 });

  test("all is the least, any the most, and not turns them into each other", () => {
    fc.assert(
      fc.property(answers, (said) => {
        const conditions = said.map(always);
        const ranks = said.map((a) => rank[a]);
        expect(rank[answer(all(...conditions))]).toBe(Math.min(...ranks));
        expect(rank[answer(any(...conditions))]).toBe(Math.max(...ranks));
        expect(answer(not(all(...conditions)))).toBe(answer(any(...conditions.map(not))));
      }),
    );
  });

  test("the evidence is of those that decided", () => {
    const paths = (condition: Condition) => condition(view).because.map((seen) => seen.path);
    expect(paths(all(always("yes"), always("no"), always("unknown")))).toEqual(["no"]);
    expect(paths(all(always("yes"), always("unknown")))).toEqual(["unknown"]);
    expect(paths(any(always("no"), always("yes")))).toEqual(["yes"]);
  });

  test("firstKnown takes the first that can tell", () => {
    expect(answer(firstKnown(always("unknown"), always("no"), always("yes")))).toBe("no");
    expect(answer(firstKnown(always("unknown"), always("unknown")))).toBe("unknown");
  });
});
