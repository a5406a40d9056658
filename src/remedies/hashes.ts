import { sha256 } from "./edit-file.ts";
import type { Surroundings } from "./surroundings.ts";

/** Larger files are not compared: no one edits them by hand. */
const hashedBytesMax = 64 * 2 ** 20;

/** SHA-256 of the files among these paths that are not too large. */
export async function hashesOf(
  paths: readonly string[],
  { host }: Pick<Surroundings, "host">,
): Promise<Record<string, string>> {
  const found = await Promise.all(
    paths.map(async (path) => {
      const status = await host.status(path);
      if (status?.kind !== "file" || status.sizeBytes > hashedBytesMax) return [];
      const content =
        status.sizeBytes === 0 ? "" : await host.readFile(path, "file").catch(() => undefined);
      return content === undefined ? [] : [[path, sha256(content)] as const];
    }),
  );
  return Object.fromEntries(found.flat());
}
