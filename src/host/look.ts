import type { Stats } from "node:fs";
import { access, constants, open, realpath, stat, statfs } from "node:fs/promises";
import { arch, freemem, homedir, hostname, release, totalmem, userInfo } from "node:os";

/* What can be seen of this machine without reading whole files. All paths are absolute. */

/** A file as it lies there. */
export interface FileStatus {
  readonly kind: "file" | "folder" | "device" | "other";
  readonly sizeBytes: number;
  /** Permission bits. */
  readonly mode: number;
  /** Number of the group that owns it. */
  readonly group: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
}

/** What the system says of itself and of who runs this process. */
export interface SystemInfo {
  /** Node's name: "x64". */
  readonly arch: string;
  readonly kernelRelease: string;
  readonly hostName: string;
  readonly user: string;
  readonly home: string;
  /** User and groups in force; absent on Windows. */
  readonly userId?: number;
  readonly groups?: readonly number[];
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
}

/** What `textOf` reads at most. */
const maxTextBytes = 4 * 2 ** 20;

/** The text of a small file; undefined where it is none, or may not be read. */
export async function textOf(full: string): Promise<string | undefined> {
  // Opening a device or a pipe may block or have effects.
  if (!(await stat(full).catch(() => undefined))?.isFile()) return undefined;
  const file = await open(full).catch(() => undefined);
  if (!file) return undefined;
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    // Files of the kernel say that they are empty, so they are read until nothing more comes.
    while (length < maxTextBytes) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(65_536), 0, 65_536);
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      length += bytesRead;
    }
    return Buffer.concat(chunks).toString("utf8");
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}

/** Undefined where there is no file, or none that may be seen. */
export async function statusOf(full: string): Promise<FileStatus | undefined> {
  const found = await stat(full).catch(() => undefined);
  if (!found) return undefined;
  const can = (mode: number) =>
    access(full, mode).then(
      () => true,
      () => false,
    );
  return {
    kind: kindOf(found),
    sizeBytes: found.size,
    mode: found.mode & 0o7777,
    group: found.gid,
    canRead: await can(constants.R_OK),
    canWrite: await can(constants.W_OK),
  };
}

function kindOf(found: Stats): FileStatus["kind"] {
  if (found.isFile()) return "file";
  if (found.isDirectory()) return "folder";
  return found.isCharacterDevice() || found.isBlockDevice() ? "device" : "other";
}

/** The path with all links followed. */
export async function realPathOf(full: string): Promise<string | undefined> {
  return await realpath(full).catch(() => undefined);
}

/** Bytes that this user may still write in a folder's file system. */
export async function freeBytesOf(full: string): Promise<number | undefined> {
  const found = await statfs(full).catch(() => undefined);
  return found && found.bavail * found.bsize;
}

/** The number of a file in its file system, as /proc/locks names it; undefined for none. */
export async function inodeOf(full: string): Promise<bigint | undefined> {
  const found = await stat(full, { bigint: true }).catch(() => undefined);
  return found?.ino;
}

export function systemInfo(): SystemInfo {
  const userId = process.getuid?.();
  const groups = process.getgroups?.();
  return {
    arch: arch(),
    kernelRelease: release(),
    hostName: hostname(),
    user: userName(),
    home: homedir(),
    ...(userId !== undefined && { userId }),
    ...(groups && { groups }),
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
  };
}

/** Containers may run under a number that has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "");
  }
}
