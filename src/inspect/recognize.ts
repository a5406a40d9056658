import type { Source } from "../host/index.ts";
import { aotritonMagic, readAotritonImage } from "./aotriton.ts";
import { arMagic } from "./ar.ts";
import { compressedMagic } from "./ccob.ts";
import type { Collector } from "./collector.ts";
import type { Method } from "./decompress.ts";
import { isElf } from "./elf.ts";
import { readFatbin } from "./fatbin.ts";
import { kpackMagic, readKpack } from "./kpack.ts";
import { type Found, readElfFile, readPeFile } from "./library.ts";
import { offloadBinaryMagic, readOffloadBinaries } from "./offload-binary.ts";
import { bundleMagic } from "./offload-bundle.ts";
import { isPe } from "./pe.ts";
import type { DataFile } from "./report.ts";
import { latin1 } from "./source.ts";
import { isTar } from "./tar.ts";
import { targetsInIndex } from "./tensile.ts";
import { zipMagic } from "./zip.ts";

/** Archives, whose members are inspected one by one. */
export type Archive = "ar" | "tar" | "zip" | { readonly compressed: Method };

/** The archive that a file is by its first 512 bytes; undefined where it is none. */
export function archiveOf(head: Uint8Array): Archive | undefined {
  const start = latin1(head.subarray(0, 8));
  if (start === arMagic) return "ar";
  if (start.startsWith(zipMagic)) return "zip";
  if (isTar(head)) return "tar";
  if (start.startsWith("\xfd7zXZ\0")) return { compressed: "xz" };
  if (start.startsWith("\x1f\x8b")) return { compressed: "gzip" };
  return start.startsWith("\x28\xb5\x2f\xfd") ? { compressed: "zstd" } : undefined;
}

/** Reads a file that is no archive, by its first bytes and what its path says of it. */
export async function readFile(
  source: Source,
  head: Uint8Array,
  data: DataFile | undefined,
  into: Collector,
): Promise<Found> {
  const start = latin1(head.subarray(0, bundleMagic.length));
  if (isElf(head)) return await readElfFile(source, into);
  if (isPe(head)) return await readPeFile(source, into);
  if (start === bundleMagic) {
    await readFatbin(source, into);
    return { format: "offload-bundle", description: "clang offload bundles" };
  }
  if (start.startsWith(compressedMagic)) {
    await readFatbin(source, into);
    return { format: "compressed-bundle", description: "compressed clang offload bundles" };
  }
  if (start.startsWith(offloadBinaryMagic)) {
    await readOffloadBinaries(source, into);
    return { format: "offload-binary", description: "LLVM offload binaries" };
  }
  if (start.startsWith(kpackMagic)) {
    const description = "kpack archive of device code";
    return { format: "kpack", description, kpackBinaries: await readKpack(source, into) };
  }
  if (start.startsWith(aotritonMagic)) {
    await readAotritonImage(source, into);
    return { format: "aotriton-image", description: "AOTriton's kernels" };
  }
  return data ? await readDataFile(source, data, into) : unknownFile(start);
}

async function readDataFile(source: Source, data: DataFile, into: Collector): Promise<Found> {
  if (data.role === "tuning") {
    return { format: "miopen-database", description: "MIOpen's tuning data", data };
  }
  if (data.role === "code") return { format: "unknown", description: "no device code", data };
  const onRead = (offset: number) => into.progress(offset);
  const targets = data.merged ? await targetsInIndex(source, onRead) : data.targets;
  const kind = data.merged ? "index of all targets" : "index";
  return {
    format: "tensile-index",
    description: `${data.place === "tensile" ? "rocBLAS" : "hipBLASLt"}'s ${kind}`,
    data: { ...data, targets },
  };
}

function unknownFile(start: string): Found {
  const isBitcode = start.startsWith("BC\xc0\xde");
  return { format: "unknown", description: isBitcode ? "LLVM bitcode" : "unknown format" };
}
