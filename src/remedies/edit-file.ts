import { createHash } from "node:crypto";
import { RekindleError } from "../errors.ts";
import type { Host } from "../host/index.ts";
import type { Step } from "./step.ts";

export const sha256 = (content: string | Uint8Array) =>
  createHash("sha256").update(content).digest("hex");

/**
 * A step that gives a file another content, `edit` of the present one; undefined where that is the
 * same. Links are followed, so that they stay links. Throws "remedy-impossible" for a file that is
 * not UTF-8: it could not be written back as it was.
 *
 * @example
 * await editFile(host, "/etc/environment", "take the override out", (text) => withoutLine(text));
 */
export async function editFile(
  host: Host,
  path: string,
  { id, does }: Pick<Step, "id" | "does">,
  edit: (text: string) => string,
): Promise<Step | undefined> {
  const real = (await host.realPath(path)) ?? path;
  const bytes = (await host.exists(real)) ? await host.readFile(real, "file") : undefined;
  const text = bytes ? Buffer.from(bytes).toString("utf8") : "";
  if (bytes && !Buffer.from(text).equals(Buffer.from(bytes))) {
    throw new RekindleError("remedy-impossible", `${path} is not UTF-8`, {
      fix: "edit it by hand",
    });
  }
  const content = edit(text);
  if (content === text) return undefined;
  return {
    kind: "write",
    id,
    does,
    path: real,
    content,
    before: bytes ? sha256(bytes) : null,
    touches: [real],
  };
}
