import type { Source } from "../host/index.ts";
import { readCodeObject } from "./code-object.ts";
import type { Collector } from "./collector.ts";
import { FormatError, hex } from "./damage.ts";
import { isElf } from "./elf.ts";
import type { Compression } from "./report.ts";
import { baseOf, readAt, sliceOf } from "./source.ts";
import { parseTarget } from "./targets.ts";

/** How a bundle starts (clang's ClangOffloadBundler.rst). */
export const bundleMagic = "__CLANG_OFFLOAD_BUNDLE__";

interface Entry {
  /** "hipv4-amdgcn-amd-amdhsa--gfx1030". */
  readonly id: string;
  readonly offset: number;
  readonly size: number;
}

/** More entries than there are targets are damage. */
const maxEntries = 4096;

/** Reads one bundle that starts where the source does; resolves to its size. */
export async function readBundle(
  source: Source,
  into: Collector,
  compression: Compression,
): Promise<number> {
  const { entries, headerSize } = await readEntries(source);
  const sizes = entries.map((entry) => entry.offset + entry.size);
  const size = Math.max(headerSize, ...sizes);
  for (const entry of entries.toSorted((a, b) => a.offset - b.offset)) {
    const what = `entry ${entry.id}`;
    const content = sliceOf(source, entry.offset, entry.size, what);
    const target = targetOfId(entry.id);
    if (target !== undefined && entry.size > 0) {
      await readDeviceCode(content, target, into, compression);
    }
  }
  return size;
}

async function readEntries(source: Source): Promise<{ entries: Entry[]; headerSize: number }> {
  const start = await readAt(source, 0, bundleMagic.length + 8, "offload bundle");
  if (start.text(bundleMagic.length) !== bundleMagic) {
    throw new FormatError(baseOf(source), "an offload bundle does not start as it should");
  }
  const count = start.u64();
  if (count > maxEntries) {
    throw new FormatError(start.offset - 8, `an offload bundle of ${count} entries`);
  }
  let at = start.at;
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const head = await readAt(source, at, 24, "entry of an offload bundle");
    const [offset, size, idSize] = [head.u64(), head.u64(), head.u64()];
    if (idSize > 512) throw new FormatError(head.offset - 8, `an entry's name of ${idSize} bytes`);
    const id = (await readAt(source, at + 24, idSize, "name of an entry")).text(idSize);
    entries.push({ id, offset, size });
    at += 24 + idSize;
  }
  return { entries, headerSize: at };
}

/**
 * The target that an entry's name ends with: "gfx90a:xnack+" of
 * "hipv4-amdgcn-amd-amdhsa--gfx90a:xnack+", "sm_70" for NVIDIA, "amdgcnspirv" for portable code;
 * undefined for the host's own entry.
 */
export function targetOfId(id: string): string | undefined {
  if (/^host-/.test(id)) return undefined;
  const found = /-(gfx[0-9a-z-]+(?::[a-z]+[+-])*|sm_\w+|amdgcnspirv)$/.exec(id);
  return found?.[1] ?? id;
}

/** Device code that should be for `target`: a code object, or bitcode, which has no kernels. */
export async function readDeviceCode(
  content: Source,
  target: string,
  into: Collector,
  compression: Compression,
): Promise<void> {
  const bytes = content.size;
  if (!isElf(await content.read(0, 4))) return into.addCode({ target, compression, bytes });
  try {
    const { kernels, symbols, target: true_ } = await readCodeObject(content, into.symbols);
    into.addCode({ target, compression, bytes, kernels, symbols });
    const [named, real] = [parseTarget(target), parseTarget(true_)];
    if (named && named.processor !== real?.processor) {
      const reason = `code for ${true_} is stored under the name of ${target}`;
      into.addError(new FormatError(baseOf(content), reason));
    }
  } catch (error) {
    into.addCode({ target, compression, bytes });
    into.addError(within(error, `code for ${target}`, baseOf(content)));
  }
}

function within(error: unknown, what: string, base: number): unknown {
  if (!(error instanceof FormatError)) return error;
  const reason = error.message.replace(/^at offset \w+: /, "");
  return new FormatError(error.offset, `${what} (at ${hex(base)}): ${reason}`, error);
}
