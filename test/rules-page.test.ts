import { expect, test } from "vitest";
import { rules } from "../src/doctor/rules/index.ts";
import { machines } from "./machines.ts";
import { rulesPage } from "./rules-page.ts";

test("docs/rules.md is up to date", async () => {
  await expect(rulesPage(rules, machines)).toMatchFileSnapshot("../docs/rules.md");
});

test("rules have ids of their own, a source with a date, and a command that tells", () => {
  expect(new Set(rules.map((rule) => rule.id)).size).toBe(rules.length);
  for (const { id, sources, howToFindOut, why } of rules) {
    expect(id).toMatch(/^[a-z0-9.-]+$/);
    expect(why, id).not.toMatch(/\.$/);
    expect(howToFindOut, id).not.toEqual([]);
    expect(sources, id).not.toEqual([]);
    for (const { at, date } of sources) {
      expect(at, id).toMatch(/^(https:\/\/\S+|[\w.-]+\/[\w.-]+(#\d+)?|docs\/[\w-]+\.md)$/);
      expect(date, id).toMatch(/^20\d\d(-\d\d(-\d\d)?)?$/);
    }
  }
});
