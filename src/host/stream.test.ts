import { Readable } from "node:stream";
import { expect, test, vi } from "vitest";
import { askLine } from "./stream.ts";

test("answers that are piped in at once go to one question each", async () => {
  const piped = Readable.from(["yes\nno\n", "last"]) as unknown as typeof process.stdin;
  vi.spyOn(process, "stdin", "get").mockReturnValue(piped);
  const asked = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const answers = [];
  for (let i = 0; i < 4; i++) answers.push(await askLine(`${i}? `));
  expect(answers).toEqual(["yes", "no", "last", undefined]);
  expect(asked.mock.calls.map(([text]) => text)).toEqual(["0? ", "1? ", "2? ", "3? "]);
  vi.restoreAllMocks();
});
