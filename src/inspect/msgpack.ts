import { decode } from "@msgpack/msgpack";
import { messageOf } from "../errors.ts";
import { FormatError } from "./damage.ts";
import { Cursor } from "./source.ts";

/** Deeper values are damage: none of ROCm's has more than a handful of levels. */
const maxDepth = 64;

/** A value of msgpack as plain data; throws with the place where it is damaged. */
export function unpack(bytes: Uint8Array, offset: number, what: string): unknown {
  try {
    skipValue(new Cursor(bytes, offset, what));
    return decode(bytes.subarray(0, sizeOfValue(bytes, offset, what)));
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(offset, `${what} are no msgpack: ${messageOf(cause)}`, cause);
  }
}

function sizeOfValue(bytes: Uint8Array, offset: number, what: string): number {
  const cursor = new Cursor(bytes, offset, what);
  skipValue(cursor);
  return cursor.at;
}

/** Whether a value is a map with string keys. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Steps into a map at the cursor, calling `visit` with each key (as text, "" if it is none) while
 * the cursor stands at its value; values that `visit` does not read are skipped.
 */
export function eachEntry(cursor: Cursor, visit: (key: string) => void): void {
  const { kind, count } = readHead(cursor);
  if (kind !== "map") throw new FormatError(cursor.offset, "a msgpack map is wanted here");
  for (let i = 0; i < count; i++) {
    const key = readText(cursor);
    const start = cursor.at;
    visit(key);
    if (cursor.at === start) skipValue(cursor);
  }
}

/** The elements of an array at the cursor, as the bytes of each. */
export function* elementsOf(cursor: Cursor): Generator<Uint8Array> {
  const { kind, count } = readHead(cursor);
  if (kind !== "array") throw new FormatError(cursor.offset, "a msgpack array is wanted here");
  for (let i = 0; i < count; i++) {
    const start = cursor.at;
    skipValue(cursor);
    yield cursor.bytes.subarray(start, cursor.at);
  }
}

function readText(cursor: Cursor): string {
  const start = cursor.at;
  const head = readHead(cursor);
  if (head.kind === "bytes") return Buffer.from(cursor.raw(head.count)).toString("utf8");
  cursor.at = start;
  skipValue(cursor);
  return "";
}

function skipValue(cursor: Cursor, depth = 0): void {
  if (depth > maxDepth) throw new FormatError(cursor.offset, "msgpack values are nested too deep");
  const { kind, count } = readHead(cursor);
  if (kind === "bytes") cursor.raw(count);
  const values = kind === "map" ? 2 * count : kind === "array" ? count : 0;
  // Each value takes a byte at least: a count that cannot fit is not believed.
  if (values > cursor.left) {
    throw new FormatError(cursor.offset, `${values} msgpack values in ${cursor.left} bytes`);
  }
  for (let i = 0; i < values; i++) skipValue(cursor, depth + 1);
}

interface Head {
  readonly kind: "bytes" | "array" | "map";
  /** Of bytes that follow, elements, or entries. */
  readonly count: number;
}

const fixedSizes: Readonly<Record<number, number>> = {
  202: 4,
  203: 8,
  204: 1,
  205: 2,
  206: 4,
  207: 8,
  208: 1,
  209: 2,
  210: 4,
  211: 8,
  212: 2,
  213: 3,
  214: 5,
  215: 9,
  216: 17,
};

/** The first bytes of a value: its kind, and how much follows. */
function readHead(cursor: Cursor): Head {
  const tag = cursor.u8();
  const bytes = (count: number): Head => ({ kind: "bytes", count });
  const big = (size: number) => cursor.raw(size).reduce((value, byte) => value * 256 + byte, 0);
  if (tag < 0x80 || tag >= 0xe0) return bytes(0);
  if (tag < 0x90) return { kind: "map", count: tag & 15 };
  if (tag < 0xa0) return { kind: "array", count: tag & 15 };
  if (tag < 0xc0) return bytes(tag & 31);
  if (tag <= 0xc3) return bytes(0);
  if (tag <= 0xc6) return bytes(big(1 << (tag - 0xc4)));
  if (tag <= 0xc9) return bytes(big(1 << (tag - 0xc7)) + 1);
  if (tag >= 0xd9 && tag <= 0xdb) return bytes(big(1 << (tag - 0xd9)));
  if (tag >= 0xdc) return { kind: tag < 0xde ? "array" : "map", count: big(tag % 2 === 0 ? 2 : 4) };
  return bytes(fixedSizes[tag]!);
}
