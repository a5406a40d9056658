import { FormatError } from "./damage.ts";
import { type Elf, type Section, sectionContent } from "./elf.ts";
import { isRecord, unpack } from "./msgpack.ts";
import type { KpackReference } from "./report.ts";
import { baseOf, readAt } from "./source.ts";

/** How a library points at its device code: HIPF at bundles inside it, HIPK at a kpack archive. */
export interface Wrappers {
  readonly inside: number;
  readonly kpack: number;
}

const wrapperBytes = 24;
const insideMagic = 0x48495046;
const kpackMagic = 0x4b504948;

/** Counts the wrappers of a `.hipFatBinSegment` section: 24 bytes each, a magic number first. */
export async function readFatbinSegment(elf: Elf, section: Section): Promise<Wrappers> {
  const content = sectionContent(elf, section);
  const table = await readAt(content, 0, content.size, "section .hipFatBinSegment");
  const found = { inside: 0, kpack: 0 };
  for (let at = 0; at + wrapperBytes <= table.bytes.length; at += wrapperBytes) {
    table.at = at;
    const magic = table.u32();
    if (magic === insideMagic) found.inside++;
    else if (magic === kpackMagic) found.kpack++;
    else if (magic !== 0) {
      const offset = baseOf(content) + at;
      throw new FormatError(offset, `a wrapper of device code starts with 0x${magic.toString(16)}`);
    }
  }
  return found;
}

/** Reads a `.rocm_kpack_ref` section: msgpack with the name and the places of the code. */
export async function readKpackReference(elf: Elf, section: Section): Promise<KpackReference> {
  const content = sectionContent(elf, section);
  const { bytes } = await readAt(content, 0, content.size, "section .rocm_kpack_ref");
  const value = unpack(bytes, baseOf(content), "the reference to a kpack archive");
  if (!isRecord(value) || typeof value.kernel_name !== "string") {
    throw new FormatError(baseOf(content), "the reference to a kpack archive has no kernel_name");
  }
  const paths = Array.isArray(value.kpack_search_paths) ? value.kpack_search_paths : [];
  return { kernelName: value.kernel_name, searchPaths: paths.map(String) };
}
