import { dirname, join } from "node:path/posix";
import { expect, test } from "vitest";
import { readText } from "./sources.ts";

/** What a file imports or re-exports when it is loaded, but for types. */
function loadedBy(path: string): string[] {
  const statements = readText(path).matchAll(/^(?:import|export) (?!type)[^;]*?from "([^"]+)";/gm);
  return [...statements].map((match) => match[1]!);
}

// Browsers load the library too: what only Node has is imported where it is needed, not at the top.
test("the library loads nothing that only Node has", () => {
  const reached = new Set(["src/index.ts"]);
  const foreign: string[] = [];
  for (const path of reached) {
    for (const name of loadedBy(path)) {
      if (name.startsWith(".")) reached.add(join(dirname(path), name));
      else if (!name.startsWith("@bufbuild/protobuf")) foreign.push(`${path} loads ${name}`);
    }
  }
  expect(reached.size).toBeGreaterThan(50);
  expect(foreign).toEqual([]);
});
