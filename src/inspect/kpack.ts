import type { Source } from "../host/index.ts";
import type { Collector } from "./collector.ts";
import { FormatError } from "./damage.ts";
import { decompressed } from "./decompress.ts";
import { isRecord, unpack } from "./msgpack.ts";
import { readDeviceCode } from "./offload-bundle.ts";
import type { Compression } from "./report.ts";
import { baseOf, type Part, readAt, sliceOf } from "./source.ts";
import { streamSource } from "./stream-source.ts";

/** How a kpack archive starts (ROCm/rocm-systems, shared/kpack). */
export const kpackMagic = "KPAK";

/** One library's code for one target. */
interface Kernel {
  readonly binary: string;
  readonly target: string;
  readonly ordinal: number;
  readonly bytes: number;
}

/** Reads an archive's code; resolves to the targets of every library in it, by kernel name. */
export async function readKpack(
  source: Source,
  into: Collector,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const header = await readAt(source, 0, 16, "header of a kpack archive");
  header.at = 4;
  const version = header.u32();
  const contentsAt = header.u64();
  const size = source.size - contentsAt;
  const { bytes } = await readAt(source, contentsAt, size, "table of contents of a kpack archive");
  const offset = baseOf(source) + contentsAt;
  const contents = unpack(bytes, offset, "the table of contents of a kpack archive");
  if (!isRecord(contents) || !isRecord(contents.toc)) {
    throw new FormatError(offset, "the table of contents of a kpack archive has no toc");
  }
  const kernels = kernelsOf(contents.toc, offset);
  const scheme = contents.compression_scheme;
  const compression: Compression = scheme === "zstd-per-kernel" ? "zstd" : "none";
  const blobs =
    compression === "zstd"
      ? await framesOf(source, contents, offset)
      : blobsOf(source, contents, offset);
  let unpacked = 0;
  for (const kernel of kernels.toSorted((a, b) => a.ordinal - b.ordinal)) {
    into.progress(baseOf(source));
    unpacked += kernel.bytes;
    await readKernel(kernel, blobs, compression, into);
  }
  const storedBytes = source.size;
  into.addContainer({ kind: "kpack", version, compression, storedBytes, bytes: unpacked });
  return binariesOf(kernels);
}

function kernelsOf(toc: Readonly<Record<string, unknown>>, offset: number): Kernel[] {
  return Object.entries(toc).flatMap(([binary, targets]) => {
    if (!isRecord(targets)) throw new FormatError(offset, `${binary} lists no targets`);
    return Object.entries(targets).map(([target, entry]) => {
      const { ordinal, original_size: bytes } = isRecord(entry) ? entry : {};
      if (!isCount(ordinal) || !isCount(bytes)) {
        throw new FormatError(offset, `${binary} for ${target} has no ordinal and size`);
      }
      return { binary, target, ordinal, bytes };
    });
  });
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

/** Kernel names end with "#" and the number of the object file; the library's name is before it. */
function binariesOf(kernels: readonly Kernel[]): Record<string, readonly string[]> {
  const found = new Map<string, Set<string>>();
  for (const { binary, target } of kernels) {
    const name = binary.replace(/#\d+$/, "");
    found.set(name, (found.get(name) ?? new Set()).add(target));
  }
  return Object.fromEntries([...found].map(([name, targets]) => [name, [...targets]]));
}

type Contents = Readonly<Record<string, unknown>>;

/** Code that is stored as it is: its places stand in the table of contents. */
function blobsOf(source: Source, { blobs }: Contents, offset: number): Part[] {
  const list = Array.isArray(blobs) ? blobs : [];
  return list.map((blob: unknown) => {
    const { offset: at, size } = isRecord(blob) ? blob : {};
    if (!isCount(at) || !isCount(size)) throw new FormatError(offset, "a blob without its place");
    return sliceOf(source, at, size, "code in a kpack archive");
  });
}

/** Compressed code: a count, then for each piece its size and a zstd frame. */
async function framesOf(source: Source, contents: Contents, offset: number): Promise<Part[]> {
  const { zstd_offset: start, zstd_size: size } = contents;
  if (!isCount(start) || !isCount(size)) {
    throw new FormatError(offset, "a compressed kpack archive without zstd_offset and zstd_size");
  }
  const area = sliceOf(source, start, size, "compressed code in a kpack archive");
  const count = (await readAt(area, 0, 4, "count of frames")).u32();
  if (count * 4 > size) throw new FormatError(baseOf(area), `${count} frames in ${size} bytes`);
  const frames: Part[] = [];
  for (let at = 4; frames.length < count; ) {
    const bytes = (await readAt(area, at, 4, "size of a frame")).u32();
    frames.push(sliceOf(area, at + 4, bytes, "zstd frame"));
    at += 4 + bytes;
  }
  return frames;
}

async function readKernel(
  { binary, target, ordinal, bytes }: Kernel,
  blobs: readonly Part[],
  compression: Compression,
  into: Collector,
): Promise<void> {
  const blob = blobs[ordinal];
  if (!blob) {
    into.addError(
      new FormatError(0, `${binary} for ${target} is number ${ordinal} of ${blobs.length}`),
    );
    return;
  }
  if (compression === "none") return await readDeviceCode(blob, target, into, compression);
  const base = baseOf(blob);
  const content = streamSource(() => decompressed(blob, "zstd", bytes), bytes, { base });
  try {
    await readDeviceCode(content, target, into, compression);
  } catch (error) {
    into.addError(error);
  } finally {
    await content.close();
  }
}
