import { expect, test } from "vitest";
import { readText } from "./sources.ts";

test("docs/errors.md explains every code of src/errors.ts, and no other", () => {
  const union = /type ErrorCode =([\s\S]*?);/.exec(readText("src/errors.ts"))![1]!;
  const codes = [...union.matchAll(/"([a-z-]+)"/g)].map((match) => match[1]!);
  const page = readText("docs/errors.md");
  const explained = [...page.matchAll(/^## `([a-z-]+)`$/gm)].map((match) => match[1]!);
  expect(explained).toEqual(codes);
  for (const section of page.split(/^## /m).slice(1)) {
    expect(section).toMatch(/\*\*Cause\.\*\* \S/);
    expect(section).toMatch(/\*\*Remedy\.\*\* \S/);
  }
});
