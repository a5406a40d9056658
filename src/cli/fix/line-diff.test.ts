import fc from "fast-check";
import { expect, test } from "vitest";
import { lineDiff } from "./line-diff.ts";

test("a changed line, with what stands around it", () => {
  expect(lineDiff("a\nb\nc\n", "a\nB\nc\n")).toEqual([" a", "-b", "+B", " c"]);
  expect(lineDiff("", "x\ny\n")).toEqual(["+x", "+y"]);
  expect(lineDiff("x\n", "")).toEqual(["-x"]);
});

test("changes that are far from each other leave out what is between", () => {
  const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`);
  const after = lines.with(0, "first").with(29, "last");
  const shown = lineDiff(`${lines.join("\n")}\n`, `${after.join("\n")}\n`);
  expect(shown).toEqual(
    ["-line 0", "+first", " line 1", " line 2", "..."].concat([
      ...[" line 27", " line 28", "-line 29", "+last"],
    ]),
  );
});

test("what is shown without the added lines is the text before, and the other way round", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 5 });
  fc.assert(
    fc.property(text, text, (from, to) => {
      const whole = (lines: string[]) => lines.map((line) => `${line}\n`).join("");
      const shown = lineDiff(whole(from), whole(to)).filter((line) => line !== "...");
      const side = (mark: string) =>
        shown.filter((line) => line.startsWith(mark)).map((line) => line.slice(1));
      // Lines on both sides may be left out; those of one side never are.
      expect(side("-").length - side("+").length).toBe(from.length - to.length);
      for (const line of side("-")) expect(from).toContain(line);
      if (from.join() === to.join()) expect([...side("-"), ...side("+")]).toEqual([]);
    }),
  );
});
