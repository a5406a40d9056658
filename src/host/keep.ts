import { constants, type Dirent, type Stats } from "node:fs";
import {
  chmod,
  copyFile,
  cp,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf, RekindleError } from "../errors.ts";
import { runProcess } from "./process.ts";

/*
 * Files and folders that are kept before they are changed, and put back with all that belongs to
 * them: contents, links, owner, permissions, times, extended attributes. All paths are absolute.
 * The copying is done by `cp --archive`, which knows every file system's metadata; Node does not.
 */

/** What was kept of a path. Plain data. */
export interface Kept {
  /** Where it lies; of what was not there, the topmost folder that was missing. */
  readonly path: string;
  readonly kind: "absent" | "file" | "folder" | "link" | "other";
  /** Name of the copy in the store. */
  readonly name: string;
}

/** Folders of gigabytes on slow disks take their time. */
const copyMs = 3600_000;
const isWindows = process.platform === "win32";

/**
 * Copies what is at `path` into the folder `store`, and notes that nothing was there where nothing
 * is. All of it is on disk when this returns. Throws "file-invalid" where that is not possible;
 * then nothing is left in the store.
 *
 * @example
 * const kept = await keep("/etc/environment", store, "1");
 * await putBack(kept, store);
 */
export async function keep(path: string, store: string, name: string): Promise<Kept> {
  const missing = await topmostMissing(path);
  const place = missing ?? path;
  try {
    await mkdir(store, { recursive: true });
    await noteTimes(dirname(place), join(store, `${name}.times`));
    if (missing !== undefined) return { path: missing, kind: "absent", name };
    const found = await lstat(path);
    const copy = join(store, name);
    // What an interruption left half done.
    await removeTree(copy);
    await copyEntry(path, copy);
    await toDisk(copy);
    await toDisk(store, false);
    return { path, kind: kindOf(found), name };
  } catch (cause) {
    for (const left of [name, `${name}.times`]) {
      await removeTree(join(store, left)).catch(() => undefined);
    }
    throw new RekindleError("file-invalid", `cannot keep ${path}: ${messageOf(cause)}`, {
      fix: `free some space on the disk of ${store}, or check who may read ${path}`,
      cause,
    });
  }
}

/** Makes a path what it was when it was kept. May be done again after an interruption. */
export async function putBack({ path, kind, name }: Kept, store: string): Promise<void> {
  if (kind === "absent") await removeTree(path);
  else await replace(path, join(store, name));
  await setTimes(dirname(path), join(store, `${name}.times`));
}

/** Puts a copy of an entry in a path's place; files appear whole or not at all. */
export async function replace(path: string, source: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const there = await statOf(path);
  const wanted = await lstat(source);
  const isPlainFile = there?.isFile() === true && wanted.isFile();
  // Its other names would keep the changed content.
  if (isPlainFile && there!.nlink > 1) {
    await copyInto(source, path);
    return;
  }
  const draft = draftOf(path);
  await removeTree(draft);
  await copyEntry(source, draft);
  if (there && !isPlainFile) await removeTree(path);
  try {
    await rename(draft, path);
  } catch (error) {
    await removeTree(draft);
    // A file that something is mounted on can be written, but not replaced.
    if (!isPlainFile || (error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
    await copyInto(source, path);
  }
  await toDisk(dirname(path), false);
}

/**
 * Gives a file a content. One that is there keeps its owner, permissions and attributes, and its
 * other names where it has some; a new one gets `mode`, and the folders above it are made.
 */
export async function writeContent(path: string, content: string, mode = 0o644): Promise<void> {
  const there = await statOf(path);
  if (there && !there.isFile()) throw new Error(`${path} is not a file`);
  await mkdir(dirname(path), { recursive: true });
  const draft = draftOf(path);
  await removeTree(draft);
  try {
    if (there) await copyEntry(path, draft);
    await writeFile(draft, content, { mode });
    if (!there) await chmod(draft, mode);
    await toDisk(draft);
    if (there && there.nlink > 1) await writeFile(path, await readFile(draft));
    else await rename(draft, path);
  } finally {
    await removeTree(draft);
  }
  await toDisk(dirname(path), false);
}

/**
 * Makes a folder that this user alone may look into, with those above it; false where something is
 * there already, which another process may have made at the same moment.
 */
export async function makePrivateFolder(path: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Into a file that is there: its other names and what else belongs to it stay. */
async function copyInto(from: string, to: string): Promise<void> {
  if (isWindows) await copyFile(from, to);
  else await copy(["-p", "--", from, to]);
}

/** An entry with all that belongs to it, to a place where nothing is. */
async function copyEntry(from: string, to: string): Promise<void> {
  if (isWindows) {
    await cp(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    return;
  }
  await copy(["-a", "--", from, to]);
}

async function copy(args: readonly string[]): Promise<void> {
  const { status, err, problem } = await runProcess("cp", args, {
    timeoutMs: copyMs,
    env: { ...process.env, LC_ALL: "C" },
  });
  if (status !== 0) throw new Error(err.trim() || `cp: ${problem ?? `status ${status}`}`);
}

/** A file, link or folder with all that is in it; nothing happens where there is none. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    // Folders that their owner may not write in, as some package caches have.
    await openFolders(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function openFolders(path: string): Promise<void> {
  if (!(await statOf(path))?.isDirectory()) return;
  await chmod(path, 0o700);
  for (const entry of await entriesOf(path)) await openFolders(join(path, entry.name));
}

/** Where `path` or a folder above it is missing: the topmost one that is. */
async function topmostMissing(path: string): Promise<string | undefined> {
  if (await statOf(path)) return undefined;
  return (await topmostMissing(dirname(path))) ?? path;
}

/** An empty file with the times of `path`: JSON and Node's dates would round them. */
async function noteTimes(path: string, note: string): Promise<void> {
  await writeFile(note, "");
  if (!isWindows) await touch(path, note);
  await toDisk(note);
}

async function setTimes(path: string, note: string): Promise<void> {
  if (!isWindows && (await statOf(path))) await touch(note, path);
}

async function touch(reference: string, path: string): Promise<void> {
  const { status, err } = await runProcess("touch", ["-r", reference, path], {});
  if (status !== 0) throw new Error(err.trim() || `touch ended with status ${status}`);
}

const draftOf = (path: string) => join(dirname(path), `.${basename(path)}.rekindle-draft`);

const statOf = (path: string): Promise<Stats | undefined> => lstat(path).catch(() => undefined);

const entriesOf = (folder: string): Promise<Dirent[]> => readdir(folder, { withFileTypes: true });

function kindOf(found: Stats): Kept["kind"] {
  if (found.isSymbolicLink()) return "link";
  if (found.isFile()) return "file";
  return found.isDirectory() ? "folder" : "other";
}

/** Writes to the disk what the system still holds of a path; of a folder, with what is in it. */
async function toDisk(path: string, deep = true): Promise<void> {
  const found = await lstat(path);
  if (deep && found.isDirectory()) {
    for (const { name } of await entriesOf(path)) await toDisk(join(path, name));
  }
  if (!found.isFile() && !found.isDirectory()) return;
  // Some file systems do not know this for folders, and some files may not be opened.
  const file = await open(path, constants.O_RDONLY).catch(() => undefined);
  await file?.sync().catch(() => undefined);
  await file?.close();
}
