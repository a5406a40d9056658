import { createHash } from "node:crypto";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/**
 * Everything that a folder holds, one line for each entry: path, kind, permissions, owner, time of
 * the last change in nanoseconds, names of the same file, and content. Two equal lists are trees
 * that are equal byte for byte.
 */
export async function treeLines(root: string, path = "."): Promise<string[]> {
  const full = join(root, path);
  const found = await lstat(full, { bigint: true });
  const isFolder = found.isDirectory();
  const content = found.isSymbolicLink()
    ? `-> ${await readlink(full)}`
    : found.isFile()
      ? createHash("sha256")
          .update(await readFile(full))
          .digest("hex")
      : "";
  const mode = found.mode.toString(8);
  const names = isFolder ? "" : `${found.nlink}`;
  const line = [path, mode, found.uid, found.gid, found.mtimeNs, names, content].join(" ");
  if (!isFolder) return [line];
  const lines: string[] = [];
  for (const name of (await readdir(full)).sort()) {
    lines.push(...(await treeLines(root, join(path, name))));
  }
  return [line, ...lines];
}
