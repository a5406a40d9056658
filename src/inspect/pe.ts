import type { Source } from "../host/index.ts";
import { FormatError } from "./damage.ts";
import { baseOf, latin1, type Part, readAt, sliceOf } from "./source.ts";

/** Whether bytes start as a program or DLL of Windows does. */
export const isPe = (bytes: Uint8Array) => latin1(bytes.subarray(0, 2)) === "MZ";

/** The sections of a Windows DLL or program, by name; names have 8 characters at most. */
export async function readPeSections(
  source: Source,
): Promise<{ readonly name: string; readonly content: Part }[]> {
  const dos = await readAt(source, 0, 64, "DOS header");
  dos.at = 60;
  const at = dos.u32();
  const header = await readAt(source, at, 24, "PE header");
  if (header.text(4) !== "PE\0\0") throw new FormatError(baseOf(source) + at, "no PE header");
  header.at = 6;
  const count = header.u16();
  header.at = 20;
  const tableAt = at + 24 + header.u16();
  const table = await readAt(source, tableAt, count * 40, "table of sections");
  return Array.from({ length: count }, (_, i) => {
    table.at = i * 40;
    const name = table.text(8).replace(/\0.*$/, "");
    table.at += 8;
    const [size, offset] = [table.u32(), table.u32()];
    return { name, content: sliceOf(source, offset, size, `section ${name}`) };
  });
}
