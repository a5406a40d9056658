import type { Source } from "../host/index.ts";
import { readCodeObject } from "./code-object.ts";
import type { Collector } from "./collector.ts";
import { FormatError } from "./damage.ts";
import { decompressed } from "./decompress.ts";
import type { DataFile } from "./report.ts";
import { baseOf, readAt, sliceOf } from "./source.ts";
import { streamSource } from "./stream-source.ts";

/** How an archive of AOTriton's kernels starts (ROCm/aotriton, v3python/aks2.py). */
export const aotritonMagic = "AKS2";

/**
 * What a file of AOTriton is by its path: `aotriton.images/amd-gfx11xx/...` has a folder for each
 * target or family; older releases have `aotriton/kernels/gfx942/...` or "gfx942" in file names.
 */
export function aotritonFile(path: string): DataFile | undefined {
  if (!/aotriton(\.images|\/kernels)?\//.test(path) || !/\.(aks2|hsaco|co)$/.test(path)) {
    return undefined;
  }
  const target = /(?:amd-|\/)(gfx[0-9]+[0-9a-z]*)[/_]/.exec(path)?.[1];
  return { place: "aotriton", role: "code", targets: target ? [target] : [], merged: false };
}

/**
 * Reads an archive: a header of 16 bytes, then in xz a directory and the kernels' code objects one
 * after the other. The targets are those of the code objects.
 */
export async function readAotritonImage(source: Source, into: Collector): Promise<void> {
  const header = await readAt(source, 0, 16, "header of an AOTriton archive");
  header.at = 4;
  const [total, count, directorySize] = [header.u32(), header.u32(), header.u32()];
  if (directorySize > total || count * 20 > directorySize) {
    const reason = `a directory of ${directorySize} bytes for ${count} kernels in ${total} bytes`;
    throw new FormatError(baseOf(source) + 4, reason);
  }
  const data = sliceOf(source, 16, source.size - 16, "AOTriton's kernels");
  const base = baseOf(data);
  const content = streamSource(() => decompressed(data, "xz", total), total, { base });
  try {
    const directory = await readAt(content, 0, directorySize, "directory of AOTriton's kernels");
    for (let i = 0; i < count; i++) {
      directory.at += 8;
      const [offset, size, nameSize] = [directory.u32(), directory.u32(), directory.u32()];
      directory.raw(nameSize);
      if (size === 0) continue;
      const image = sliceOf(content, directorySize + offset, size, "a kernel of AOTriton");
      const { target, kernels, symbols } = await readCodeObject(image, into.symbols);
      into.addCode({ target, compression: "xz", bytes: size, kernels, symbols });
    }
  } finally {
    await content.close();
  }
}
