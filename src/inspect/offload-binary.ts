import type { Source } from "../host/index.ts";
import type { Collector } from "./collector.ts";
import { FormatError } from "./damage.ts";
import { readDeviceCode } from "./offload-bundle.ts";
import { baseOf, Cursor, readAt, sliceOf } from "./source.ts";

/** How an image of LLVM's new offloading driver starts (llvm/Object/OffloadBinary.h). */
export const offloadBinaryMagic = "\x10\xff\x10\xad";

/** Reads the images of a `.llvm.offloading` section, one after the other. */
export async function readOffloadBinaries(source: Source, into: Collector): Promise<void> {
  for (let at = 0; at < source.size; ) {
    const header = await readAt(source, at, 32, "offload binary");
    if (header.text(4) !== offloadBinaryMagic) {
      throw new FormatError(baseOf(source) + at, "an offload binary does not start as it should");
    }
    header.u32();
    const [size, entryAt, entrySize] = [header.u64(), header.u64(), header.u64()];
    if (size < 32 + 40 || entrySize < 40) {
      throw new FormatError(baseOf(source) + at + 8, `an offload binary of ${size} bytes`);
    }
    const binary = sliceOf(source, at, size, "offload binary");
    await readImage(binary, await readAt(binary, entryAt, 40, "entry of an offload binary"), into);
    const stored = { storedBytes: size, bytes: size };
    into.addContainer({ kind: "offload-binary", compression: "none", ...stored });
    at += size;
  }
}

async function readImage(binary: Source, entry: Cursor, into: Collector): Promise<void> {
  entry.at = 8;
  const [stringsAt, stringCount, imageAt, imageSize] = [
    entry.u64(),
    entry.u64(),
    entry.u64(),
    entry.u64(),
  ];
  if (stringCount > 64) {
    throw new FormatError(entry.offset - 24, `an offload binary of ${stringCount} strings`);
  }
  const table = await readAt(binary, stringsAt, stringCount * 16, "strings of an offload binary");
  let target = "unknown";
  for (let i = 0; i < stringCount; i++) {
    const [keyAt, valueAt] = [table.u64(), table.u64()];
    if ((await textAt(binary, keyAt)) === "arch") target = await textAt(binary, valueAt);
  }
  const image = sliceOf(binary, imageAt, imageSize, "image of an offload binary");
  await readDeviceCode(image, target, into, "none");
}

async function textAt(source: Source, at: number): Promise<string> {
  const bytes = await source.read(at, 256);
  const end = bytes.indexOf(0);
  if (end < 0) throw new FormatError(baseOf(source) + at, "a text has no end");
  return new Cursor(bytes, at, "text").text(end);
}
