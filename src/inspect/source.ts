import type { Source } from "../host/index.ts";
import { FormatError, hex } from "./damage.ts";

/** Nothing that is read at once is larger: sizes in damaged files are not believed. */
const maxReadBytes = 256 * 2 ** 20;

/** Bytes in memory as a source. */
export function bytesSource(bytes: Uint8Array): Source {
  return {
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, Math.max(offset, offset + length)),
  };
}

/**
 * A part of a source. `base` is where errors count from: a part's own start by default, so that
 * offsets are those of the member of an archive; a bundle's parts count from their file.
 */
export interface Part extends Source {
  readonly base: number;
}

/** Where a source's first byte lies for error messages. */
export const baseOf = (source: Source) => (source as Partial<Part>).base ?? 0;

/** `length` bytes of a source from `offset`; throws where it ends before. */
export function sliceOf(source: Source, offset: number, length: number, what: string): Part {
  if (length < 0 || offset < 0 || offset + length > source.size) {
    throw pastEnd(source, offset, length, what);
  }
  return {
    size: length,
    base: baseOf(source) + offset,
    read: (start, count) =>
      start >= length
        ? Promise.resolve(new Uint8Array())
        : source.read(offset + start, Math.min(count, length - start)),
  };
}

function pastEnd(source: Source, offset: number, length: number, what: string): FormatError {
  const end = hex(baseOf(source) + source.size);
  return new FormatError(
    baseOf(source) + offset,
    `${what} of ${length} bytes does not fit, the data ends at ${end}`,
  );
}

/** Exactly `length` bytes at `offset`, as a cursor; throws where the source ends before. */
export async function readAt(
  source: Source,
  offset: number,
  length: number,
  what: string,
): Promise<Cursor> {
  if (length > maxReadBytes) {
    const reason = `${what} of ${length} bytes is larger than the ${maxReadBytes} that are read`;
    throw new FormatError(baseOf(source) + offset, reason);
  }
  if (offset + length > source.size) throw pastEnd(source, offset, length, what);
  const bytes = await source.read(offset, length);
  if (bytes.length < length) throw pastEnd(source, offset, length, what);
  return new Cursor(bytes, baseOf(source) + offset, what);
}

/** Little-endian numbers and texts from bytes, one after the other. */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #base: number;
  readonly #what: string;
  at = 0;

  constructor(bytes: Uint8Array, base: number, what: string) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = base;
    this.#what = what;
  }

  /** Where the next value lies in the file. */
  get offset(): number {
    return this.#base + this.at;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  #take(length: number): number {
    if (this.left < length) {
      throw new FormatError(this.offset, `${this.#what} ends, ${length} more bytes are wanted`);
    }
    this.at += length;
    return this.at - length;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** A size or offset: more than 2^53 cannot be right in a file. */
  u64(): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new FormatError(this.offset - 8, `${this.#what} has an impossible size, ${value}`);
    }
    return Number(value);
  }

  raw(length: number): Uint8Array {
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  text(length: number): string {
    return latin1(this.raw(length));
  }
}

/** Bytes as characters 0 to 255; names in these formats are ASCII. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Where `bytes` has `pattern` from `from` on, or -1. */
export function indexOf(bytes: Uint8Array, pattern: string, from = 0): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.indexOf(pattern, from, "latin1");
}

/** A file inside an archive. Offsets of its errors count from its own start. */
export interface Member {
  readonly name: string;
  readonly source: Source;
  close?(): Promise<void>;
}

/** A member that lies in its archive as it is. */
export function memberOf(source: Source, start: number, size: number, name: string): Member {
  const part = sliceOf(source, start, size, `member ${name}`);
  return { name, source: { size, read: part.read } };
}
