import { expect, test } from "vitest";
import { noClues } from "./clues.ts";
import { explain } from "./explain.ts";
import { patterns } from "./patterns/index.ts";
import { wordsOf } from "./trigger.ts";

const signs = patterns.flatMap(({ id, signs }) => signs.map((sign) => ({ id, sign })));

test("repetition is bounded in every sign", () => {
  const unbounded = signs.filter(({ sign }) => {
    const withoutClasses = sign.source.replace(/\\./g, "").replace(/\[[^\]]*\]/g, "");
    return /[*+]|\{\d+,\}/.test(withoutClasses);
  });
  expect(unbounded.map(({ id, sign }) => `${id}: ${sign}`)).toEqual([]);
});

test("every sign has a fixed word, by which most lines are passed over", () => {
  const without = signs.filter(({ sign }) => wordsOf(sign) === undefined);
  expect(without.map(({ id, sign }) => `${id}: ${sign}`)).toEqual([]);
});

test("fixed words: the longest of each alternative, outside of groups", () => {
  expect(wordsOf(/(?:HIP|CUDA) out of memory/)).toEqual([" out of memory"]);
  expect(wordsOf(/\bhipErrorNoDevice\b/)).toEqual(["hipErrorNoDevice"]);
  expect(wordsOf(/for GPU arch ?: (?<gfx>gfx\w{3,5})/)).toEqual(["for GPU arch"]);
  expect(wordsOf(/skipped device \w{4}:(?<pci>\w{4}), PCI rejects/)).toEqual(["skipped device "]);
  expect(wordsOf(/one word|(?:two)/)).toBeUndefined();
  expect(wordsOf(/\d{3}/)).toBeUndefined();
});

/** The CPU time that this process has used: other work on the machine does not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Lines of 200,000 characters, made to keep an expression busy. */
const hostile = [
  "a",
  " ",
  "(",
  "0",
  "0x",
  ":",
  "/",
  "\\",
  '"',
  "gfx10 ",
  "Error: ",
  "TensileLibrary_lazy_gfx",
  "HSA_OVERRIDE_GFX_VERSION=",
  "AB=c ",
  "6.12.",
  "Memory access fault by GPU node-",
  "ring gfx timeout".slice(0, 9),
].map((part) => part.repeat(Math.ceil(200_000 / part.length)));

test.each(signs)("$id $sign is quick on hostile lines", ({ sign }) => {
  const words = wordsOf(sign) ?? [];
  for (const text of [...hostile, ...words.map((word) => word.repeat(5000))]) {
    const start = cpuMs();
    sign.test(text);
    expect(cpuMs() - start).toBeLessThan(1000);
  }
});

test("whole hostile logs end in time", async () => {
  const start = cpuMs();
  for (const text of hostile) await explain([{ name: "log", chunks: [Buffer.from(text)] }]);
  expect(cpuMs() - start).toBeLessThan(20_000);
});

test("the clues of a text start empty", () => {
  const { flags, cards } = noClues();
  expect([...cards, ...Object.values(flags).filter((n) => n > 0)]).toEqual([]);
});
