import type { Dirent, Stats } from "node:fs";
import { lstat, open, readdir, realpath, stat } from "node:fs/promises";

/** Bytes that can be read at any place: a file, a member of an archive, memory. */
export interface Source {
  /** In bytes. */
  readonly size: number;
  /** `length` bytes from `offset`, fewer only where the source ends. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export type EntryKind = "file" | "folder" | "link" | "other";

/** Files that are too big to read whole, and folders that are walked; it never writes. */
export interface FileTree {
  /** What is at `path`, links not followed; undefined where there is nothing. */
  kind(path: string): Promise<EntryKind | undefined>;
  /** Where `path` leads, every link followed; undefined where that does not exist. */
  target(path: string): Promise<{ readonly path: string; readonly kind: EntryKind } | undefined>;
  /** A folder's entries, sorted by name. Throws Node's error where they cannot be read. */
  entries(folder: string): Promise<{ readonly name: string; readonly kind: EntryKind }[]>;
  /** Opens a file for reading. Throws Node's error where that is not allowed. */
  open(path: string): Promise<Source & { close(): Promise<void> }>;
}

/** The files of this machine. */
export function machineFiles(): FileTree {
  return {
    async kind(path) {
      const found = await lstat(path).catch(() => undefined);
      return found && kindOf(found);
    },
    async target(path) {
      try {
        const real = await realpath(path);
        return { path: real, kind: kindOf(await stat(real)) };
      } catch {
        return undefined;
      }
    },
    async entries(folder) {
      const found = await readdir(folder, { withFileTypes: true });
      const entries = found.map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
      return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async open(path) {
      const file = await open(path, "r");
      const { size } = await file.stat();
      return {
        size,
        async read(offset, length) {
          const wanted = Math.max(0, Math.min(length, size - offset));
          const buffer = new Uint8Array(wanted);
          let filled = 0;
          while (filled < wanted) {
            const { bytesRead } = await file.read(buffer, filled, wanted - filled, offset + filled);
            if (bytesRead === 0) break;
            filled += bytesRead;
          }
          return buffer.subarray(0, filled);
        },
        close: () => file.close(),
      };
    },
  };
}

function kindOf(entry: Dirent | Stats): EntryKind {
  if (entry.isSymbolicLink()) return "link";
  if (entry.isDirectory()) return "folder";
  return entry.isFile() ? "file" : "other";
}
