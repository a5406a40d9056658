import { expect, test } from "vitest";
import { patterns } from "../src/explain/index.ts";
import { messagesPage } from "./messages-page.ts";
import { readText } from "./sources.ts";

test("docs/messages.md is up to date", async () => {
  await expect(messagesPage(patterns)).toMatchFileSnapshot("../docs/messages.md");
});

test("docs/explain.md names every field of the JSON document", () => {
  const page = readText("docs/explain.md");
  const source = readText("src/explain/diagnose.ts");
  for (const name of ["Finding", "Explanation", "Context"]) {
    const body = new RegExp(`interface ${name} \\{([\\s\\S]*?)\\n\\}`).exec(source)![1]!;
    const fields = [...body.matchAll(/readonly (\w+)\??:/g)].map((match) => match[1]!);
    expect(fields.filter((field) => !page.includes(`\`${field}\``))).toEqual([]);
  }
});
