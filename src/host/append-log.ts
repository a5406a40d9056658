import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { messageOf, RekindleError } from "../errors.ts";

/** A file of JSON lines that only grows; each line is on disk before `append` returns. */
export interface AppendLog {
  readonly path: string;
  /** What the file holds, without a last line that was cut off in the middle. */
  readonly records: readonly unknown[];
  /** Throws "file-invalid" where the disk takes it not; the file is then as before. */
  append(record: unknown): void;
  close(): void;
}

/**
 * Opens a file of JSON lines for appending and makes it, with its folder, where there is none.
 * Throws "file-invalid" where it cannot be written or is no such file.
 *
 * @example
 * const log = openAppendLog("trial.jsonl");
 * log.append({ event: "begin" });
 */
export function openAppendLog(path: string): AppendLog {
  const file = attempt(path, () => {
    makeFolder(dirname(path));
    return openSync(path, "a+");
  });
  const text = readFileSync(path, "utf8");
  // A crash may have cut the last line off: it never counted.
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const records = parseLines(whole, path);
  attempt(path, () => {
    if (whole.length < text.length) ftruncateSync(file, Buffer.byteLength(whole));
    fsyncFolder(dirname(path));
  });
  return {
    path,
    records,
    append(record) {
      const before = fstatSync(file).size;
      attempt(path, () => {
        try {
          writeAll(file, Buffer.from(`${JSON.stringify(record)}\n`));
          fsyncSync(file);
        } catch (error) {
          ftruncateSync(file, before);
          throw error;
        }
      });
    },
    close: () => closeSync(file),
  };
}

/** The records of a file of JSON lines; throws "file-invalid" for what is none. */
export function parseLines(text: string, path: string): unknown[] {
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return lines.flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      return [JSON.parse(line) as unknown];
    } catch (cause) {
      throw new RekindleError("file-invalid", `${path}:${i + 1} is no JSON`, {
        fix: "name another file, or move this one away",
        cause,
      });
    }
  });
}

/** A folder and those above it. Node's own way to do so never ends below /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function writeAll(file: number, bytes: Buffer): void {
  // A disk that fills up takes a part first.
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}

/** A new file is only there after a crash if its folder is on disk as well. */
function fsyncFolder(folder: string): void {
  const opened = openSync(folder, "r");
  try {
    fsyncSync(opened);
  } catch {
    // Some file systems do not know this for folders.
  } finally {
    closeSync(opened);
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const fix =
      code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG"
        ? "free some space, or name a file on another disk"
        : "name a file in a folder that you may write to";
    throw new RekindleError("file-invalid", `cannot write ${path}: ${messageOf(cause)}`, {
      fix,
      cause,
    });
  }
}
