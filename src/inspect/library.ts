import type { Source } from "../host/index.ts";
import { isCodeObject } from "./code-object.ts";
import type { Collector } from "./collector.ts";
import { describeElf, type Elf, readElf, type Section, sectionContent } from "./elf.ts";
import { readFatbin } from "./fatbin.ts";
import { readFatbinSegment, readKpackReference } from "./fatbin-segment.ts";
import { readOffloadBinaries } from "./offload-binary.ts";
import { readDeviceCode, targetOfId } from "./offload-bundle.ts";
import { readPeSections } from "./pe.ts";
import type { FileReport, Format } from "./report.ts";

/** What a reader of one format found besides the code that it gave to the collector. */
export type Found = Pick<FileReport, "description"> & {
  readonly format: Format;
} & Partial<Pick<FileReport, "kpack" | "kpackBinaries" | "data" | "hasNvidiaCode">>;

/** Reads an ELF file: a code object itself, or a library that carries device code in sections. */
export async function readElfFile(source: Source, into: Collector): Promise<Found> {
  const elf = await readElf(source);
  if (isCodeObject(elf)) {
    await readFatbin(source, into);
    return { format: "code-object", description: "AMDGPU code object" };
  }
  const sections = await elf.sections();
  const found: Found = { format: "elf", description: describeElf(elf) };
  const more: { -readonly [K in keyof Found]?: Found[K] } = {};
  for (const section of sections) {
    try {
      await readSection(elf, section, into, more);
    } catch (error) {
      into.addError(error);
    }
  }
  return { ...found, ...more };
}

const bundleSection = "__CLANG_OFFLOAD_BUNDLE__";

async function readSection(
  elf: Elf,
  section: Section,
  into: Collector,
  more: { -readonly [K in keyof Found]?: Found[K] },
): Promise<void> {
  const { name, size } = section;
  if (size === 0) return;
  if (name === ".hip_fatbin") return await readFatbin(sectionContent(elf, section), into);
  if (name === ".llvm.offloading") {
    return await readOffloadBinaries(sectionContent(elf, section), into);
  }
  if (name === ".hipFatBinSegment") {
    const { kpack } = await readFatbinSegment(elf, section);
    if (kpack > 0)
      more.description = `${describeElf(elf)}, its device code moved to kpack archives`;
  } else if (name === ".rocm_kpack_ref") {
    more.kpack = await readKpackReference(elf, section);
  } else if (/^(\.nv_fatbin|__nv_relfatbin|\.nvFatBinSegment)$/.test(name)) {
    more.hasNvidiaCode = true;
  } else if (name.startsWith(bundleSection)) {
    const target = targetOfId(name.slice(bundleSection.length));
    if (target === undefined) return;
    await readDeviceCode(sectionContent(elf, section), target, into, "none");
    const stored = { storedBytes: size, bytes: size };
    into.addContainer({ kind: "code-object", compression: "none", ...stored });
  }
}

/** Reads a DLL of Windows; names of sections are cut to 8 characters. */
export async function readPeFile(source: Source, into: Collector): Promise<Found> {
  for (const { name, content } of await readPeSections(source)) {
    if (name === ".hip_fat") await readFatbin(content, into);
  }
  return { format: "pe", description: "Windows program or library" };
}
