import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { root } from "../../test/sources.ts";
import type { Explanation } from "./diagnose.ts";
import { explain } from "./explain.ts";
import { patterns } from "./patterns/index.ts";

// fixtures/logs holds excerpts of programs' output from public threads; index.json says where each
// comes from, what was cut, and what must be made of it. "excerpt" is one piece of output,
// "combined" puts lines of one thread together, "made" is written by us (formats, traps).

const folder = join(root, "fixtures", "logs");
const judged = z.string().regex(/^[a-z0-9-]+:(confirmed|likely|possible)$/);
const indexSchema = z.array(
  z.strictObject({
    file: z.string().regex(/^[a-z0-9-]+\.txt$/),
    source: z.string().min(5),
    date: z.string().regex(/^\d{4}(-\d{2})?$/),
    kind: z.enum(["excerpt", "combined", "made"]),
    cut: z.string().min(3),
    verdict: z.enum(["found", "harmless", "unknown", "nothing"]),
    /** The first finding. */
    first: judged.optional(),
    /** Others that must be there. */
    also: z.array(judged).optional(),
    /** Findings that must not be there, at any certainty or at one. */
    never: z.array(z.string()).optional(),
  }),
);
const index = indexSchema.parse(JSON.parse(readFileSync(join(folder, "index.json"), "utf8")));
const bytesOf = (file: string) => readFileSync(join(folder, file));
const explained = (...texts: Uint8Array[]) => explain([{ name: "log", chunks: texts }]);
const listOf = ({ findings }: Explanation) => findings.map((f) => `${f.id}:${f.certainty}`);

describe("excerpts", () => {
  test("the index lists every file, and no other", () => {
    const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));
    expect(index.map(({ file }) => file).sort()).toEqual(files.sort());
  });

  test("at least 100 are real output of one piece", () => {
    expect(index.filter(({ kind }) => kind === "excerpt").length).toBeGreaterThanOrEqual(100);
  });

  test("none carries a person's name in a path, or more than 12 lines", () => {
    for (const { file } of index) {
      const text = bytesOf(file).toString("utf8");
      const people = [...text.matchAll(/(?:\/home\/|Users\\{1,2})([\w.-]+)/g)].map((m) => m[1]);
      expect(people.filter((name) => !/^(user|runner|PC|pytorch)$/.test(name!))).toEqual([]);
      expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(12);
    }
  });

  test.each(index)("$file", async ({ file, first, verdict, also = [], never = [] }) => {
    const explanation = await explained(bytesOf(file));
    const found = listOf(explanation);
    expect([explanation.verdict, found[0]]).toEqual([verdict, first]);
    expect(found).toEqual(expect.arrayContaining(also));
    for (const unwanted of never) {
      expect(found.filter((f) => f === unwanted || f.split(":")[0] === unwanted)).toEqual([]);
    }
    // A wrong answer that is sure of itself is worse than none: what is more than possible must be
    // expected, unless it may be ignored.
    const sure = explanation.findings.filter(
      (f) => f.role === "cause" && f.certainty !== "possible",
    );
    expect([first, ...also]).toEqual(
      expect.arrayContaining(sure.map((f) => `${f.id}:${f.certainty}`)),
    );
  });

  test.each(index.filter(({ verdict }) => verdict === "found"))(
    "$file: evidence is a line of it, warnings around it change nothing",
    async ({ file, first }) => {
      const text = bytesOf(file).toString("utf8");
      const lines = text.split("\n");
      const { findings } = await explained(bytesOf(file));
      for (const { lines: shown } of findings) {
        expect(shown.length).toBeGreaterThan(0);
        for (const { number, text: part } of shown) {
          expect(lines[number - 1]).toContain(part.replace(/^\.\.\. | \.\.\.$/g, ""));
        }
      }
      const noise = Buffer.from(
        "E-001h rocSHMEM Could not open libnuma. Returning NUMAWrapper@src/gda/numa_wrapper.cpp\n" +
          "optional ras ta ucode: RAS: optional ras ta ucode is not available\n",
      );
      const noisy = await explained(noise, bytesOf(file), Buffer.from("\n"), noise);
      expect(listOf(noisy)[0]).toBe(first);
    },
  );
});

test("two logs together make nobody sure of what neither shows", async () => {
  // A card from one log and a name from the other may look like an override: that is deduced.
  const deduced = new Set(["override-foreign-code"]);
  const named = ({ first, also = [] }: (typeof index)[number]) =>
    [first, ...also].map((f) => f?.split(":")[0]);
  for (const [i, one] of index.entries()) {
    const other = index[(i * 37 + 11) % index.length]!;
    const logs = [one, other].map(({ file }) => ({ name: file, chunks: [bytesOf(file)] }));
    const { findings } = await explain(logs);
    const sure = findings.filter((f) => f.role === "cause" && f.certainty !== "possible");
    const strange = sure.filter(({ id }) => !deduced.has(id)).map(({ id }) => id);
    expect([...named(one), ...named(other)]).toEqual(expect.arrayContaining(strange));
  }
});

describe("patterns", () => {
  test("each has an excerpt that it explains", async () => {
    const found = new Set<string>();
    for (const { file } of index) {
      for (const { id } of (await explained(bytesOf(file))).findings) found.add(id);
    }
    expect(patterns.map(({ id }) => id).filter((id) => !found.has(id))).toEqual([]);
  });

  test("ids are unique, and those that are referred to exist", () => {
    const ids = patterns.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const referred = patterns.flatMap(({ explains = [] }) => explains);
    expect(referred.filter((id) => !ids.includes(id))).toEqual([]);
  });

  test("each says what it is not, what to do, and where that is known from", () => {
    for (const { id, isNot, sources, steps } of patterns) {
      expect([id, isNot.length > 0, sources.length > 0]).toEqual([id, true, true]);
      for (const { where, date } of sources) {
        expect([id, where, date]).toEqual([
          id,
          expect.stringMatching(/^[\w.-]+\/[\w.-]+(#\d+| \S+)$/),
          expect.stringMatching(/^\d{4}(-\d{2})?$/),
        ]);
      }
      if (typeof steps !== "function") expect(steps.length).toBeGreaterThan(0);
    }
  });

  test("nobody is told to claim a false card, patch a runtime or preload a library", async () => {
    for (const { file } of index) {
      for (const { steps } of (await explained(bytesOf(file))).findings) {
        const commands = steps.map(({ command = "" }) => command).join("\n");
        expect(commands).not.toMatch(/HSA_OVERRIDE_GFX_VERSION=|LD_PRELOAD|ld\.so\.preload/);
      }
    }
  });
});
