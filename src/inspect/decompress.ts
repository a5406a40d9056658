import { ReadableStream } from "node:stream/web";
import * as zlib from "node:zlib";
import { Decompress as ZstdStream, decompress as zstdWhole } from "fzstd";
import xzDecompress from "xz-decompress";
import { messageOf, RekindleError } from "../errors.ts";
import type { Source } from "../host/index.ts";
import { FormatError } from "./damage.ts";
import { baseOf, readAt } from "./source.ts";

/** Ways in which data are compressed; "deflate" is raw, "zlib" has its header. */
export type Method = "zlib" | "deflate" | "gzip" | "zstd" | "xz";

const chunkBytes = 256 * 2 ** 10;

/**
 * The decompressed content of a whole source, in chunks. Ends with an error that names the source's
 * offset where the data are damaged, or where they give more than `maxBytes`.
 */
export async function* decompressed(
  source: Source,
  method: Method,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  try {
    for await (const chunk of decoders[method](source, maxBytes)) {
      total += chunk.length;
      if (total > maxBytes) throw tooMuch(maxBytes);
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof RekindleError) throw cause;
    const reason = `${method} data are damaged after ${total} decompressed bytes`;
    throw new FormatError(baseOf(source), `${reason}: ${messageOf(cause)}`, cause);
  }
}

const tooMuch = (maxBytes: number) =>
  new Error(`they hold more than the ${maxBytes} bytes that their header tells of`);

const decoders: Readonly<
  Record<Method, (source: Source, maxBytes: number) => AsyncIterable<Uint8Array>>
> = {
  zlib: (source) => through(source, zlib.createInflate({ chunkSize: chunkBytes })),
  deflate: (source) => through(source, zlib.createInflateRaw({ chunkSize: chunkBytes })),
  gzip: (source) => through(source, zlib.createGunzip({ chunkSize: chunkBytes })),
  zstd,
  xz,
};

async function* chunksOf(source: Source, bytes = chunkBytes): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < source.size; ) {
    const chunk = await source.read(at, bytes);
    if (chunk.length === 0) return;
    at += chunk.length;
    yield chunk;
  }
}

/** Feeds a transform of Node with the source, as fast as its output is taken. */
async function* through(source: Source, transform: zlib.Gunzip): AsyncGenerator<Uint8Array> {
  const feeding = feed(source, transform).catch((error) => transform.destroy(error));
  try {
    yield* transform as AsyncIterable<Uint8Array>;
  } finally {
    transform.destroy();
    await feeding;
  }
}

async function feed(source: Source, transform: zlib.Gunzip): Promise<void> {
  for await (const chunk of chunksOf(source)) {
    if (transform.destroyed || transform.writableEnded) return;
    if (transform.write(chunk)) continue;
    await oneOf(transform, ["drain", "close", "end"]);
  }
  transform.end();
}

/** Waits for one of some events, and leaves no listener behind. */
function oneOf(transform: zlib.Gunzip, events: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of events) transform.off(event, done);
      resolve();
    };
    for (const event of events) transform.on(event, done);
  });
}

async function* xz(source: Source): AsyncGenerator<Uint8Array> {
  const chunks = chunksOf(source);
  const compressed = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  // The library copies small pieces out of its own memory; larger ones are quicker to pass on.
  let pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of new xzDecompress.XzReadableStream(
    compressed as never,
  ) as AsyncIterable<Uint8Array>) {
    pieces.push(piece.slice());
    length += piece.length;
    if (length < chunkBytes) continue;
    yield Buffer.concat(pieces);
    pieces = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(pieces);
}

/** Node has zstd of its own from 22.15 on. */
type ZstdOfNode = { createZstdDecompress?: (options?: object) => zlib.Gunzip };

/** Up to here, data are decompressed in one piece by fzstd, which is many times faster. */
const maxWholeBytes = 128 * 2 ** 20;
/** Windows that frames may ask for; zstd's own tools refuse above this without --long. */
const maxWindowBytes = 128 * 2 ** 20;
/** Compressed bytes that fzstd is given at once: 4 of them may stand for 128 KiB. */
const zstdStepBytes = 1024;
const maxBytesPerStep = 64 * 2 ** 20;

async function* zstd(source: Source, maxBytes: number): AsyncGenerator<Uint8Array> {
  const frame = zstdFrame(await source.read(0, 18));
  if (maxBytes !== Infinity && (frame.contentBytes ?? maxBytes) !== maxBytes) {
    throw new Error(`they hold ${frame.contentBytes} bytes, their header tells of ${maxBytes}`);
  }
  const { createZstdDecompress } = zlib as ZstdOfNode;
  if (createZstdDecompress) return yield* through(source, createZstdDecompress());
  if (frame.windowBytes > maxWindowBytes) {
    throw new Error(`a window of ${frame.windowBytes} bytes is asked for, over ${maxWindowBytes}`);
  }
  if (frame.contentBytes === maxBytes && source.size + maxBytes <= maxWholeBytes) {
    const { bytes } = await readAt(source, 0, source.size, "compressed data");
    return yield zstdWhole(bytes, outputOf(maxBytes));
  }
  let made: Uint8Array[] = [];
  let step = 0;
  const decoder = new ZstdStream((chunk) => {
    step += chunk.length;
    if (step > maxBytesPerStep) throw new Error("a block is larger than zstd allows");
    if (chunk.length > 0) made.push(chunk.slice());
  });
  for await (const chunk of chunksOf(source)) {
    for (let at = 0; at < chunk.length; at += zstdStepBytes) {
      step = 0;
      decoder.push(chunk.subarray(at, at + zstdStepBytes));
      yield* made;
      made = [];
    }
  }
  decoder.push(new Uint8Array(), true);
  yield* made;
}

/**
 * Memory for fzstd to write to. It compares what it is given with 1, for which a plain array of
 * bytes is first turned into text: 30 times the work of decompressing.
 */
function outputOf(bytes: number): Uint8Array {
  const output = new Uint8Array(bytes);
  return Object.defineProperty(output, Symbol.toPrimitive, { value: () => Number.NaN });
}

/** What a zstd frame's header tells (RFC 8878, 3.1.1.1). */
function zstdFrame(bytes: Uint8Array): { windowBytes: number; contentBytes: number | undefined } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 18) throw new Error("a frame needs 18 bytes at least");
  if (view.getUint32(0, true) !== 0xfd2fb528)
    throw new Error("a frame does not start as it should");
  const flags = bytes[4]!;
  const isSingle = (flags & 0x20) !== 0;
  const sizeFlag = flags >> 6;
  const at = 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][flags & 3]!;
  const sizes = [
    () => (isSingle ? view.getUint8(at) : undefined),
    () => view.getUint16(at, true) + 256,
    () => view.getUint32(at, true),
    () => Number(view.getBigUint64(at, true)),
  ];
  const contentBytes = sizes[sizeFlag]!();
  const exponent = bytes[5]! >> 3;
  const base = 2 ** (10 + exponent);
  const windowBytes = isSingle ? (contentBytes ?? 0) : base + (base / 8) * (bytes[5]! & 7);
  return { windowBytes: Math.min(windowBytes, contentBytes ?? windowBytes), contentBytes };
}
