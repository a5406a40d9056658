import type { Source } from "../host/index.ts";
import { FormatError } from "./damage.ts";
import { baseOf, Cursor, latin1, type Member, memberOf } from "./source.ts";

const blockBytes = 512;

/** Whether a block is the header of a tar file (POSIX ustar, GNU). */
export const isTar = (block: Uint8Array) => latin1(block.subarray(257, 262)) === "ustar";

/** The regular files of a tar archive in order; long names of GNU and pax are resolved. */
export async function* tarMembers(source: Source): AsyncGenerator<Member> {
  let longName: string | undefined;
  for (let at = 0; at < source.size; ) {
    const block = await source.read(at, blockBytes);
    if (block.length === 0 || block.every((byte) => byte === 0)) return;
    if (block.length < blockBytes || !hasSum(block)) {
      throw new FormatError(
        baseOf(source) + at,
        "the header of a file in a tar archive is damaged",
      );
    }
    const { name, size, type } = headerOf(block, baseOf(source) + at);
    const start = at + blockBytes;
    if (type === "L" || type === "x") {
      longName = (await longNameIn(source, start, size, type)) ?? longName;
    } else {
      if (type === "0" || type === "\0" || type === "7") {
        yield memberOf(source, start, size, longName ?? name);
      }
      longName = undefined;
    }
    at = start + Math.ceil(size / blockBytes) * blockBytes;
  }
}

/** Headers hold the sum of their bytes, its own place counted as spaces; old ones have no magic. */
function hasSum(block: Uint8Array): boolean {
  const stored = Number.parseInt(latin1(block.subarray(148, 156)).replace(/\0.*/, ""), 8);
  const sum = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  return stored === sum;
}

function headerOf(block: Uint8Array, offset: number) {
  const cursor = new Cursor(block, offset, "header of a file in a tar archive");
  const text = (at: number, length: number) => {
    cursor.at = at;
    return cursor.text(length).split("\0")[0]!;
  };
  const prefix = text(345, 155);
  const name = text(0, 100);
  return {
    name: (prefix && latin1(block.subarray(257, 263)) === "ustar\0" ? `${prefix}/` : "") + name,
    size: sizeOf(block, text(124, 12), offset),
    type: String.fromCharCode(block[156]!),
  };
}

/** Sizes are octal digits, or for huge files binary with the top bit set. */
function sizeOf(block: Uint8Array, digits: string, offset: number): number {
  if (block[124]! >= 0x80) {
    const size = block.subarray(128, 136).reduce((value, byte) => value * 256 + byte, 0);
    if (Number.isSafeInteger(size)) return size;
  } else if (/^ *[0-7]* *$/.test(digits)) {
    return Number.parseInt(digits.trim() || "0", 8);
  }
  throw new FormatError(offset + 124, `a file of size "${digits}" in a tar archive`);
}

const maxNameBytes = 65_536;

async function longNameIn(source: Source, start: number, size: number, type: "L" | "x") {
  const text = Buffer.from(await source.read(start, Math.min(size, maxNameBytes))).toString("utf8");
  return type === "L" ? text.split("\0")[0]! : /\d+ path=([^\n]*)\n/.exec(text)?.[1];
}
