import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../test/command.ts";
import { someTuning, tuningsFor } from "../../test/tunings.ts";
import { loadTunings, type TuningSource } from "./load.ts";

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

const device = { name: "card", description: "driver 2", vendor: "v", architecture: "a" };
const load = (source: TuningSource) => loadTunings(device, source);
const own = tuningsFor("card", "driver 2", someTuning("p"));

test("an object of this device, or a file of it", async () => {
  const path = join(folder, "own.json");
  await writeFile(path, JSON.stringify(own));
  for (const source of [own, path]) {
    const { lookup, ignored } = await load(source);
    expect(lookup).toBeTypeOf("function");
    expect(ignored).toEqual([]);
  }
});

test("off is nothing, and nothing to say", async () => {
  expect(await load("off")).toEqual({ lookup: undefined, ignored: [] });
});

test("with another driver they are ignored, with both names", async () => {
  expect(await load(tuningsFor("card", "driver 1", someTuning("p")))).toEqual({
    lookup: undefined,
    ignored: ['stored tunings (1) are for the driver "driver 1", this is "driver 2"'],
  });
});

test("those of another adapter are none of our business", async () => {
  const source = tuningsFor("another", "driver 2", someTuning("p"));
  expect(await load(source)).toEqual({ lookup: undefined, ignored: [] });
});

test.each([
  ["a file that is not there", "missing.json", undefined, /^there is no file /],
  ["a damaged file", "damaged.json", '{"format":', /damaged.json holds no tunings: it is no JSON/],
  ["a file of something else", "else.json", "{}", /else.json holds no tunings/],
])("%s breaks nothing, and is told", async (_, name, content, reason) => {
  const path = join(folder, name);
  if (content !== undefined) await writeFile(path, content);
  const { lookup, ignored } = await load(path);
  expect(lookup).toBeUndefined();
  expect(ignored).toEqual([expect.stringMatching(reason)]);
});

test("an object that holds no tunings breaks nothing, and is told", async () => {
  const { lookup, ignored } = await load({ devices: [] } as never);
  expect(lookup).toBeUndefined();
  expect(ignored).toEqual([expect.stringContaining("the object holds no tunings")]);
});
