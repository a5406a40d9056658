import type { Source } from "../host/index.ts";
import type { Collector } from "./collector.ts";
import { FormatError } from "./damage.ts";
import { decompressed } from "./decompress.ts";
import { readBundle } from "./offload-bundle.ts";
import { baseOf, Cursor, sliceOf } from "./source.ts";
import { streamSource } from "./stream-source.ts";

/** How a compressed bundle starts (clang's CompressedOffloadBundle, OffloadBundler.h). */
export const compressedMagic = "CCOB";

/** A compressed bundle's header. */
export interface CompressedHeader {
  readonly version: number;
  readonly method: "zlib" | "zstd";
  readonly headerBytes: number;
  /** Of header and data; undefined in version 1, which does not tell. */
  readonly totalBytes: number | undefined;
  /** Of the bundle inside. */
  readonly bytes: number;
}

/** Sizes of the header by version, and whether its sizes have 64 bits. */
const layouts: Readonly<Record<number, { headerBytes: number; wide: boolean }>> = {
  1: { headerBytes: 20, wide: false },
  2: { headerBytes: 24, wide: false },
  3: { headerBytes: 32, wide: true },
};

export function parseCompressedHeader(bytes: Uint8Array, offset: number): CompressedHeader {
  const cursor = new Cursor(bytes, offset, "header of a compressed bundle");
  if (cursor.text(4) !== compressedMagic) {
    throw new FormatError(offset, "a compressed bundle does not start as it should");
  }
  const version = cursor.u16();
  const layout = layouts[version];
  if (!layout) throw new FormatError(offset + 4, `a compressed bundle of version ${version}`);
  const code = cursor.u16();
  const method = (["zlib", "zstd"] as const)[code];
  if (!method) throw new FormatError(offset + 6, `a bundle compressed by method ${code}`);
  const size = () => (layout.wide ? cursor.u64() : cursor.u32());
  const totalBytes = version === 1 ? undefined : size();
  const { headerBytes } = layout;
  if (totalBytes !== undefined && totalBytes < headerBytes) {
    throw new FormatError(offset + 8, `a compressed bundle of ${totalBytes} bytes in all`);
  }
  return { version, method, headerBytes, totalBytes, bytes: size() };
}

/**
 * Reads one compressed bundle that starts where the source does; `limit` is where it ends at the
 * latest, for version 1. Resolves to its size.
 */
export async function readCompressedBundle(
  source: Source,
  into: Collector,
  limit: number,
): Promise<number> {
  const head = await source.read(0, 32);
  const header = parseCompressedHeader(head, baseOf(source));
  const { version, method, headerBytes, bytes } = header;
  const stored = header.totalBytes ?? limit;
  const data = sliceOf(source, headerBytes, stored - headerBytes, "compressed bundle");
  const content = streamSource(() => decompressed(data, method, bytes), bytes, {
    base: baseOf(source),
  });
  into.addContainer({ kind: "ccob", version, compression: method, storedBytes: stored, bytes });
  try {
    await readBundle(content, into, method);
  } finally {
    await content.close();
  }
  return stored;
}
