import type { Source } from "../host/index.ts";
import { compressedMagic, parseCompressedHeader, readCompressedBundle } from "./ccob.ts";
import { readCodeObject } from "./code-object.ts";
import type { Collector } from "./collector.ts";
import { FormatError } from "./damage.ts";
import { readElf } from "./elf.ts";
import { bundleMagic, readBundle } from "./offload-bundle.ts";
import { baseOf, indexOf, latin1, sliceOf } from "./source.ts";

const scanBytes = 2 ** 20;

/**
 * Reads the bundles of a `.hip_fatbin` section or of a file of them: one after the other, plain or
 * compressed, with padding between. A lone code object is allowed as well.
 */
export async function readFatbin(source: Source, into: Collector): Promise<void> {
  let at = 0;
  for (;;) {
    at = await nextMagic(source, at, into);
    if (at >= source.size) return;
    const rest = sliceOf(source, at, source.size - at, "bundle");
    const problems = into.problems.length;
    try {
      at += await readOne(rest, into);
    } catch (error) {
      into.addError(error);
      at += 4;
    }
    // Where much is damaged, the first of it says enough.
    if (into.problems.length > problems && into.problems.length > maxProblems) return;
  }
}

const maxProblems = 20;

async function readOne(rest: Source, into: Collector): Promise<number> {
  const start = latin1(await rest.read(0, bundleMagic.length));
  if (start === bundleMagic) {
    const size = await readBundle(rest, into, "none");
    const stored = { storedBytes: size, bytes: size };
    into.addContainer({ kind: "offload-bundle", compression: "none", ...stored });
    return size;
  }
  if (start.startsWith(compressedMagic)) {
    const header = parseCompressedHeader(await rest.read(0, 32), baseOf(rest));
    const limit = header.totalBytes ?? (await nextMagic(rest, header.headerBytes));
    return await readCompressedBundle(rest, into, limit);
  }
  return await readLoneCode(rest, into);
}

/** A code object without a bundle around it; its own tables tell where it ends. */
async function readLoneCode(rest: Source, into: Collector): Promise<number> {
  const elf = await readElf(rest);
  const sections = await elf.sections();
  const ends = sections.filter((s) => s.type !== 8).map((s) => s.offset + s.size);
  const size = Math.min(rest.size, Math.max(64, elf.sectionsEnd, ...ends));
  const { target, kernels, symbols } = await readCodeObject(rest, into.symbols);
  into.addCode({ target, compression: "none", bytes: size, kernels, symbols });
  into.addContainer({
    kind: "code-object",
    compression: "none",
    storedBytes: size,
    bytes: size,
  });
  return size;
}

/**
 * Where the next bundle starts, from `at` on, or the source's size. Bytes before it that are no
 * padding are a problem, which is noted where `into` is given.
 */
async function nextMagic(source: Source, at: number, into?: Collector): Promise<number> {
  const from = at;
  let isPadding = true;
  while (at < source.size) {
    const bytes = await source.read(at, scanBytes);
    into?.progress(baseOf(source) + at);
    if (bytes.length === 0) break;
    const found = firstMagic(bytes);
    const end = found < 0 ? bytes.length : found;
    isPadding &&= isZero(bytes.subarray(0, end));
    if (found >= 0) {
      at += found;
      break;
    }
    if (bytes.length < scanBytes) at = source.size;
    else at += bytes.length - bundleMagic.length;
  }
  if (!isPadding && into) {
    const reason = `${Math.min(at, source.size) - from} bytes here are no offload bundle`;
    into.addError(new FormatError(baseOf(source) + from, reason));
  }
  return Math.min(at, source.size);
}

function firstMagic(bytes: Uint8Array): number {
  const hits = [
    indexOf(bytes, bundleMagic),
    compressedAt(bytes),
    indexOf(bytes, "\x7fELF\x02\x01\x01\x40"),
  ];
  return Math.min(...hits.filter((at) => at >= 0), Infinity) === Infinity
    ? -1
    : Math.min(...hits.filter((at) => at >= 0));
}

/** Four bytes may be there by chance: version and method must fit as well. */
function compressedAt(bytes: Uint8Array): number {
  for (let at = indexOf(bytes, compressedMagic); at >= 0; ) {
    const isHeader = at + 8 > bytes.length || (bytes[at + 4]! < 16 && bytes[at + 6]! < 16);
    if (isHeader && (bytes[at + 5] ?? 0) === 0 && (bytes[at + 7] ?? 0) === 0) return at;
    at = indexOf(bytes, compressedMagic, at + 4);
  }
  return -1;
}

function isZero(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0) return false;
  return true;
}
