import { mkdir, open, readFile, rename, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, RekindleError } from "../errors.ts";
import { parseTunings } from "./format.ts";
import { mergeTunings, noTunings } from "./merge.ts";
import type { DeviceTunings, Tunings } from "./tuning.ts";

/** The stored tunings; undefined without a file. Throws "file-invalid" where it is damaged. */
export async function readStored(path: string): Promise<Tunings | undefined> {
  const text = await readText(path);
  return text === undefined ? undefined : parseTunings(text, path);
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new RekindleError("file-invalid", `cannot read ${path}: ${messageOf(error)}`, {
      fix: "see that it is a file that you may read, or set REKINDLE_TUNINGS to another, or to off",
      cause: error,
    });
  }
}

/**
 * Adds tunings to those that are stored. Whoever reads meanwhile sees the old file or the new one,
 * and what others add at the same time is kept. A damaged file is kept beside the new one.
 *
 * Throws "file-invalid" where nothing can be written.
 */
export async function addToStore(path: string, more: readonly DeviceTunings[]): Promise<void> {
  await changeStore(path, (old) => mergeTunings(old, more));
}

/** Removes the tunings of the devices that `which` picks; gives how many tunings that were. */
export async function removeFromStore(
  path: string,
  which: (device: DeviceTunings) => boolean,
): Promise<number> {
  let count = 0;
  await changeStore(path, (old) => {
    for (const device of old.devices) if (which(device)) count += device.tunings.length;
    return { ...old, devices: old.devices.filter((device) => !which(device)) };
  });
  return count;
}

async function changeStore(path: string, change: (old: Tunings) => Tunings): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await alone(path, async () => {
      const changed = change(await readOrSetAside(path));
      await replace(path, `${JSON.stringify(changed, null, 1)}\n`);
    });
  } catch (error) {
    if (error instanceof RekindleError) throw error;
    throw new RekindleError("file-invalid", `cannot write ${path}: ${messageOf(error)}`, {
      fix: "set REKINDLE_TUNINGS to a file that you may write",
      cause: error,
    });
  }
}

/** Moves a file out of the way that is ours but damaged; any other is left alone. */
async function readOrSetAside(path: string): Promise<Tunings> {
  const text = (await readText(path)) ?? "";
  try {
    if (text !== "") return parseTunings(text, path);
  } catch (error) {
    if (!text.includes('"rekindle-tunings"')) throw error;
    await rename(path, `${path}.damaged`);
  }
  return noTunings;
}

async function replace(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.draft`;
  try {
    const file = await open(draft, "w");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw error;
  }
}

/** A change takes milliseconds: a lock that is older was left by a process that died. */
const lockMsMax = 10_000;
const retryMs = 20;

/** Does `work` while no other process or call does any on the same file. */
async function alone(path: string, work: () => Promise<void>): Promise<void> {
  const lock = `${path}.lock`;
  while (!(await tryToLock(lock))) {
    await new Promise((resolve) => setTimeout(resolve, retryMs * (1 + Math.random())));
  }
  try {
    await work();
  } finally {
    await unlink(lock).catch(() => undefined);
  }
}

async function tryToLock(lock: string): Promise<boolean> {
  try {
    await (await open(lock, "wx")).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const since = await stat(lock).catch(() => undefined);
  if (since && Date.now() - since.mtimeMs > lockMsMax) await unlink(lock).catch(() => undefined);
  return false;
}
