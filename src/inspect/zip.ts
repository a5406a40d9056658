import { Readable } from "node:stream";
import { type Entry, fromRandomAccessReader, RandomAccessReader, type ZipFile } from "yauzl";
import { messageOf, RekindleError } from "../errors.ts";
import type { Source } from "../host/index.ts";
import { FormatError } from "./damage.ts";
import { decompressed } from "./decompress.ts";
import { baseOf, type Member, memberOf } from "./source.ts";
import { streamSource } from "./stream-source.ts";

/** How a zip archive (a wheel) starts. */
export const zipMagic = "PK\x03\x04";

class SourceReader extends RandomAccessReader {
  readonly #source: Source;

  constructor(source: Source) {
    super();
    this.#source = source;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    const source = this.#source;
    return Readable.from(
      (async function* () {
        for (let at = start; at < end; ) {
          const chunk = await source.read(at, Math.min(65_536, end - at));
          if (chunk.length === 0) return;
          at += chunk.length;
          yield Buffer.from(chunk);
        }
      })(),
    );
  }
}

/** The files of a zip archive by its central directory; each is decompressed as it is read. */
export async function* zipMembers(source: Source): AsyncGenerator<Member> {
  const zip = await asError(source, () => openZip(source));
  const entries = zip.eachEntry()[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { value: entry, done } = await asError(source, () => entries.next());
      if (done) return;
      if (entry.fileName.endsWith("/")) continue;
      yield await asError(source, () => memberOfEntry(source, zip, entry));
    }
  } finally {
    zip.close();
  }
}

function openZip(source: Source): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    const options = { lazyEntries: true, autoClose: false, validateEntrySizes: false };
    fromRandomAccessReader(new SourceReader(source), source.size, options, (error, zip) =>
      error ? reject(error) : resolve(zip),
    );
  });
}

async function memberOfEntry(source: Source, zip: ZipFile, entry: Entry): Promise<Member> {
  const name = entry.fileName;
  const start = await new Promise<number>((resolve, reject) => {
    zip.readLocalFileHeader(entry, { minimal: true }, (error, header) =>
      error ? reject(error) : resolve(header.fileDataStart),
    );
  });
  const stored = memberOf(source, start, entry.compressedSize, name);
  if (entry.isEncrypted()) throw new Error(`${name} is encrypted`);
  if (entry.compressionMethod === 0) return stored;
  if (entry.compressionMethod !== 8) {
    throw new Error(`${name} is compressed by method ${entry.compressionMethod}, not deflate (8)`);
  }
  const size = entry.uncompressedSize;
  const content = streamSource(() => decompressed(stored.source, "deflate", size), size);
  return { name, source: content, close: content.close };
}

/** The library's errors as ours; it does not tell where. */
async function asError<T>(source: Source, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof RekindleError) throw cause;
    throw new FormatError(baseOf(source), `no sound zip archive: ${messageOf(cause)}`, cause);
  }
}
