import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../test/command.ts";
import { someTuning, tuningsFor } from "../../test/tunings.ts";
import { addToStore, readStored, removeFromStore } from "./store.ts";

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

/** A file in a folder that does not exist yet. */
let count = 0;
const place = () => join(folder, `${count++}`, "deep", "tunings.json");

const devices = (...problems: string[]) =>
  tuningsFor("card", "driver", ...problems.map((p) => someTuning(p))).devices;

const problemsIn = async (path: string) =>
  (await readStored(path))!.devices.flatMap((d) => d.tunings.map((t) => t.problem)).sort();

test("without a file there is nothing; what is added comes back", async () => {
  const path = place();
  expect(await readStored(path)).toBeUndefined();
  await addToStore(path, devices("a"));
  await addToStore(path, devices("b"));
  expect(await readStored(path)).toEqual(
    tuningsFor("card", "driver", someTuning("a"), someTuning("b")),
  );
});

test("many writers at once lose nothing, and leave nothing else behind", async () => {
  const path = place();
  const names = Array.from({ length: 25 }, (_, i) => `problem ${String(i).padStart(2, "0")}`);
  await Promise.all(names.map((name) => addToStore(path, devices(name))));
  expect(await problemsIn(path)).toEqual(names);
  expect(await readdir(join(path, ".."))).toEqual(["tunings.json"]);
});

test("a reader sees whole files while others write", async () => {
  const path = place();
  await addToStore(path, devices("first"));
  let done = false;
  const writing = (async () => {
    for (let i = 0; i < 20; i++) await addToStore(path, devices(`problem ${i}`.repeat(50)));
    done = true;
  })();
  while (!done) expect((await readStored(path))!.devices).toHaveLength(1);
  await writing;
});

test("the lock of a process that died is broken", async () => {
  const path = place();
  await addToStore(path, devices("a"));
  await writeFile(`${path}.lock`, "");
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(`${path}.lock`, longAgo, longAgo);
  await addToStore(path, devices("b"));
  expect(await problemsIn(path)).toEqual(["a", "b"]);
});

test("a damaged file is an error to readers, and set aside by writers", async () => {
  const path = place();
  await addToStore(path, []);
  await writeFile(path, '{"format": "rekindle-tunings", "ver');
  await expect(readStored(path)).rejects.toMatchObject({ code: "file-invalid" });
  await addToStore(path, devices("a"));
  expect(await problemsIn(path)).toEqual(["a"]);
  expect(await readFile(`${path}.damaged`, "utf8")).toBe('{"format": "rekindle-tunings", "ver');
});

test("devices are removed by choice, with the number of their tunings", async () => {
  const path = place();
  await addToStore(path, devices("a", "b"));
  await addToStore(path, tuningsFor("other card", "driver", someTuning("c")).devices);
  expect(await removeFromStore(path, ({ adapter }) => adapter === "card")).toBe(2);
  expect(await problemsIn(path)).toEqual(["c"]);
});

test("a file that holds something else is not touched", async () => {
  const path = join(folder, "notes.json");
  await writeFile(path, "[1, 2]");
  await expect(addToStore(path, devices("a"))).rejects.toMatchObject({ code: "file-invalid" });
  expect(await readFile(path, "utf8")).toBe("[1, 2]");
});

test("where nothing can be written, the error says what to do", async () => {
  const path = join(folder, "a folder");
  await mkdir(path, { recursive: true });
  await expect(addToStore(path, devices("a"))).rejects.toMatchObject({
    code: "file-invalid",
    fix: expect.stringContaining("REKINDLE_TUNINGS"),
  });
  expect(await readdir(folder)).toContain("a folder");
});
