import type { Stats } from "node:fs";
import { access, constants, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { messageOf, RekindleError } from "../errors.ts";
import {
  type FileStatus,
  freeBytesOf,
  realPathOf,
  type SystemInfo,
  statusOf,
  systemInfo,
  textOf,
} from "./look.ts";
import { didYouMean } from "./near.ts";
import { type Ended, type RunOptions, runProcess } from "./process.ts";

/** The only door to the machine for commands: files, processes and environment. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Node's name of the system: "linux", "win32". */
  readonly platform: string;
  /** An absolute path; relative ones count from the working folder. */
  resolve(path: string): string;
  /**
   * The absolute path of a file that can be read and is not empty. `what` names it in errors:
   * "model", "picture". Throws "file-missing" (with names that are near) or "file-invalid".
   */
  checkFile(path: string, what: string): Promise<string>;
  /** The content of a file, checked as by `checkFile`. */
  readFile(path: string, what: string): Promise<Uint8Array>;
  /** Throws "file-missing" or "file-invalid" unless a file could be written at `path`. */
  checkWritable(path: string): Promise<void>;
  /** Writes a whole file or nothing: into a new file beside it, which then takes its place. */
  writeFile(path: string, content: Uint8Array | string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Names in a folder, sorted; none where there is no such folder. */
  list(folder: string): Promise<string[]>;
  /**
   * The text of a small file, also of one that has no size, as below /sys and /proc; undefined
   * where it is missing or may not be read. At most 4 MiB are read.
   */
  readText(path: string): Promise<string | undefined>;
  /** Undefined where there is no file, or none that may be seen. */
  status(path: string): Promise<FileStatus | undefined>;
  /** The path with all links followed; undefined where it leads nowhere. */
  realPath(path: string): Promise<string | undefined>;
  /** Bytes that this user may still write in a folder's file system. */
  freeBytes(folder: string): Promise<number | undefined>;
  system(): Promise<SystemInfo>;
  /** Runs a program without a shell; never throws. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Ended>;
  /**
   * Does `work`, whose result is plain data and depends on the machine in a way that the other
   * methods do not cover; a replayed machine gives the recorded result instead.
   */
  learn<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** Files above this are not read whole: a model belongs in external data by then. */
const maxFileBytes = 2 ** 31 - 1;

/** The machine that this process runs on. */
export function machineHost(env = process.env, folder = process.cwd()): Host {
  const absolute = (path: string) => resolve(folder, path);
  const checkFile = (path: string, what: string) => checkedPath(absolute(path), path, what);
  return {
    env,
    platform: process.platform,
    resolve: absolute,
    checkFile,
    async readFile(path, what) {
      const full = await checkFile(path, what);
      const { size } = await stat(full);
      if (size > maxFileBytes) {
        throw new RekindleError("file-invalid", `${what} ${path} has ${size} bytes`, {
          fix: `files up to ${maxFileBytes} bytes can be read`,
        });
      }
      return await readFile(full);
    },
    checkWritable: (path) => checkTarget(absolute(path), path),
    async writeFile(path, content) {
      await checkTarget(absolute(path), path);
      await writeAtomically(absolute(path), path, content);
    },
    exists: async (path) => (await statOf(absolute(path))) !== undefined,
    list: (path) => namesIn(absolute(path)),
    readText: (path) => textOf(absolute(path)),
    status: (path) => statusOf(absolute(path)),
    realPath: (path) => realPathOf(absolute(path)),
    freeBytes: (path) => freeBytesOf(absolute(path)),
    system: async () => systemInfo(),
    run: (program, args, options = {}) =>
      runProcess(program, args, {
        env: { ...env, LC_ALL: "C", LD_PRELOAD: undefined },
        ...options,
      }),
    learn: (_, work) => work(),
  };
}

async function checkedPath(full: string, path: string, what: string): Promise<string> {
  const found = await statOf(full);
  if (!found) throw await missing(full, path, what);
  if (found.isDirectory()) {
    const names = await namesIn(full);
    const shown = names.slice(0, 5).join(", ") + (names.length > 5 ? ", ..." : "");
    throw new RekindleError("file-invalid", `${what} ${path} is a folder`, {
      fix: names.length === 0 ? "the folder is empty: pass a file" : `pass a file: ${shown}`,
    });
  }
  // "/dev/zero" never ends; pipes do.
  if (found.isCharacterDevice() || found.isBlockDevice()) {
    throw new RekindleError("file-invalid", `${what} ${path} is a device, not a file`, {
      fix: "pass a file",
    });
  }
  if (found.isFile() && found.size === 0) {
    throw new RekindleError("file-invalid", `${what} ${path} is empty (0 bytes)`, {
      fix: "download or write it again",
    });
  }
  try {
    await access(full, constants.R_OK);
  } catch (cause) {
    throw new RekindleError("file-invalid", `${what} ${path} cannot be read: no permission`, {
      fix: `allow it with: chmod u+r ${path}`,
      cause,
    });
  }
  return full;
}

async function missing(full: string, path: string, what: string): Promise<RekindleError> {
  const folder = dirname(full);
  if (!(await statOf(folder))) {
    return new RekindleError("file-missing", `${what} ${path}: there is no folder ${folder}`, {
      fix: "check the path",
    });
  }
  const near = didYouMean(basename(full), await namesIn(folder));
  const fix = near ?? `check the path; it was looked for in ${folder}`;
  return new RekindleError("file-missing", `${what} ${path} does not exist`, { fix });
}

async function checkTarget(full: string, path: string): Promise<void> {
  const folder = dirname(full);
  const found = await statOf(folder);
  if (!found) {
    throw new RekindleError("file-missing", `cannot write ${path}: there is no folder ${folder}`, {
      fix: `make it first: mkdir -p ${dirname(path)}`,
    });
  }
  if (!found.isDirectory()) {
    throw new RekindleError("file-invalid", `cannot write ${path}: ${folder} is not a folder`);
  }
  if ((await statOf(full))?.isDirectory()) {
    throw new RekindleError("file-invalid", `cannot write ${path}: it is a folder`, {
      fix: "add a file name",
    });
  }
  try {
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new RekindleError("file-invalid", `cannot write ${path}: no permission in ${folder}`, {
      fix: "choose another folder",
      cause,
    });
  }
}

async function writeAtomically(full: string, path: string, content: Uint8Array | string) {
  const draft = join(dirname(full), `.${basename(full)}.${process.pid}.draft`);
  try {
    const file = await open(draft, "w");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, full);
  } catch (cause) {
    await unlink(draft).catch(() => undefined);
    throw new RekindleError("file-invalid", `cannot write ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Undefined where there is no file, or none that may be seen. */
async function statOf(full: string): Promise<Stats | undefined> {
  return await stat(full).catch(() => undefined);
}

async function namesIn(full: string): Promise<string[]> {
  const names = await readdir(full).catch(() => []);
  return names.sort();
}
