import type { Source } from "../host/index.ts";
import { FormatError } from "./damage.ts";
import { baseOf, type Member, memberOf, readAt } from "./source.ts";

/** How an archive of object files, or a .deb package, starts. */
export const arMagic = "!<arch>\n";

/** The members of an `ar` archive in order, with GNU's and BSD's long names resolved. */
export async function* arMembers(source: Source): AsyncGenerator<Member> {
  let longNames = "";
  for (let at = arMagic.length; at + 60 <= source.size; ) {
    const header = await readAt(source, at, 60, "header of an archive's member");
    const name = header.text(16).trimEnd();
    header.at = 48;
    const size = Number(header.text(10).trim());
    if (header.text(2) !== "`\n" || !Number.isSafeInteger(size) || size < 0) {
      throw new FormatError(baseOf(source) + at, "the header of an archive's member is damaged");
    }
    const start = at + 60;
    if (name === "//") {
      longNames = (await readAt(source, start, size, "long names of an archive")).text(size);
    } else if (!/^(\/|\/SYM64\/|__\.SYMDEF.*)$/.test(name)) {
      yield await memberAt(source, start, size, name, longNames);
    }
    at = start + size + (size % 2);
  }
}

async function memberAt(
  source: Source,
  start: number,
  size: number,
  name: string,
  longNames: string,
): Promise<Member> {
  const bsd = /^#1\/(\d+)$/.exec(name)?.[1];
  if (bsd !== undefined) {
    const length = Number(bsd);
    const text = (await readAt(source, start, length, "name of a member")).text(length);
    return memberOf(source, start + length, size - length, text.replace(/\0+$/, ""));
  }
  const gnu = /^\/(\d+)$/.exec(name)?.[1];
  const full = gnu === undefined ? name : longNames.slice(Number(gnu)).split("\n")[0]!;
  return memberOf(source, start, size, full.replace(/\/$/, ""));
}
