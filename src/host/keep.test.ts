import { spawnSync } from "node:child_process";
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { temporaryFolder } from "../../test/command.ts";
import { treeLines } from "../../test/remedies/sandbox.ts";
import { keep, putBack, writeContent } from "./keep.ts";

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  await mkdir(join(folder, "there"));
});
afterEach(() => remove());

const at = (name: string) => join(folder, "there", name);
const store = () => join(folder, "store");
const tree = () => treeLines(join(folder, "there"));

test("what was not there goes again, with the folders above it", async () => {
  const before = await tree();
  const kept = await keep(at("a/b/c"), store(), "1");
  expect(kept).toMatchObject({ kind: "absent", path: at("a") });
  await writeContent(at("a/b/c"), "new");
  await putBack(kept, store());
  expect(await tree()).toEqual(before);
});

test("links stay links, wherever they lead", async () => {
  await symlink("/nowhere", at("broken"));
  const before = await tree();
  const kept = await keep(at("broken"), store(), "1");
  await rm(at("broken"));
  await mkdir(at("broken/now/a/folder"), { recursive: true });
  await putBack(kept, store());
  await putBack(kept, store());
  expect(await tree()).toEqual(before);
});

test("a content is written whole; nothing is left beside it", async () => {
  await writeFile(at("file"), "old");
  await writeContent(at("file"), "new");
  expect(await readFile(at("file"), "utf8")).toBe("new");
  expect((await tree()).map((line) => line.split(" ")[0])).toEqual([".", "file"]);
  await expect(writeContent(folder, "x")).rejects.toThrow("is not a file");
});

/** Node has no access to them. */
const python = (code: string) => spawnSync("python3", ["-c", code], { encoding: "utf8" });
const attribute = (call: string) => python(`import os; ${call}`);

test("extended attributes come back", async ({ skip }) => {
  await writeFile(at("file"), "old");
  const path = JSON.stringify(at("file"));
  const set = attribute(`os.setxattr(${path}, "user.mine", b"1")`);
  skip(set.status !== 0, "neither this file system nor Python 3 may lack extended attributes");
  const kept = await keep(at("file"), store(), "1");
  await rm(at("file"));
  await putBack(kept, store());
  expect(attribute(`print(os.getxattr(${path}, "user.mine"))`).stdout).toBe("b'1'\n");
  // Neither does writing lose them.
  await writeContent(at("file"), "new");
  expect(attribute(`print(os.getxattr(${path}, "user.mine"))`).stdout).toBe("b'1'\n");
});

test("what cannot be kept leaves nothing in the store", async () => {
  await writeFile(at("file"), "old");
  await writeFile(store(), "no folder");
  await expect(keep(at("file"), store(), "1")).rejects.toThrow(/cannot keep .*file/);
});
