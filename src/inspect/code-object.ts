import { decode } from "@msgpack/msgpack";
import { messageOf } from "../errors.ts";
import type { Source } from "../host/index.ts";
import { FormatError } from "./damage.ts";
import { type Elf, machineAmdGpu, type Note, readElf, readNotes, readSymbolNames } from "./elf.ts";
import { eachEntry, elementsOf, isRecord } from "./msgpack.ts";
import type { KernelSymbol } from "./report.ts";
import { latin1, readAt } from "./source.ts";
import { formatTarget, processorOf, type Setting } from "./targets.ts";

/** An AMDGPU code object: an ELF file of one target. */
export interface CodeObject {
  readonly target: string;
  /** 2 to 6, by EI_ABIVERSION. */
  readonly version: number;
  /** Undefined where neither notes nor symbols tell. */
  readonly kernels?: number;
  readonly symbols?: readonly KernelSymbol[];
}

/** Whether an ELF file is a code object for AMD GPUs. */
export const isCodeObject = (elf: Elf) => elf.machine === machineAmdGpu;

/** Reads target and kernels of a code object; `symbols` asks for names and registers as well. */
export async function readCodeObject(source: Source, symbols: boolean): Promise<CodeObject> {
  const elf = await readElf(source);
  if (!isCodeObject(elf)) {
    throw new FormatError(18, `an ELF file for machine ${elf.machine}, not for AMD GPUs (224)`);
  }
  const version = elf.abiVersion + 2;
  const notes = await readNotes(elf);
  const target = version === 2 ? await targetOfNote(notes) : targetOf(elf);
  const kernels = await kernelsOf(elf, notes, symbols);
  return {
    target,
    version,
    ...(kernels && { kernels: kernels.count }),
    ...(kernels?.symbols && { symbols: kernels.symbols }),
  };
}

/**
 * The target by a code object's e_flags (LLVM's AMDGPUUsage, "ELF Header"): before version 4 a
 * bit each says that xnack and sramecc are on; since then two bits tell unsupported, any, off, on.
 * Version 2 has no flags, and its note tells the target.
 */
function targetOf({ flags, abiVersion }: Elf): string {
  const processor = processorOf(flags & 0xff);
  if (abiVersion < 2) {
    const on = (bit: number): Setting => ((flags & bit) !== 0 ? "on" : "any");
    return formatTarget({ processor, xnack: on(0x100), sramecc: on(0x200) });
  }
  const settings: readonly Setting[] = ["unsupported", "any", "off", "on"];
  const xnack = settings[(flags >> 8) & 3]!;
  return formatTarget({ processor, xnack, sramecc: settings[(flags >> 10) & 3]! });
}

/** NT_AMD_HSA_ISA_VERSION of version 2: sizes of two names, then major, minor, stepping. */
async function targetOfNote(notes: readonly Note[]): Promise<string> {
  const note = notes.find(({ owner, type }) => owner === "AMD" && type === 3);
  if (!note) return "unknown";
  const cursor = await readAt(note.content, 4, 12, "note of the target");
  const [major, minor, stepping] = [cursor.u32(), cursor.u32(), cursor.u32()];
  return `gfx${major}${minor.toString(16)}${stepping.toString(16)}`;
}

interface Kernels {
  readonly count: number;
  readonly symbols?: readonly KernelSymbol[];
}

/** Note types: NT_AMDGPU_METADATA (msgpack), and NT_AMD_HSA_METADATA (YAML) of version 2. */
const metadataNote = { owner: "AMDGPU", type: 32 };
const oldMetadataNote = { owner: "AMD", type: 10 };

async function kernelsOf(
  elf: Elf,
  notes: readonly Note[],
  wantSymbols: boolean,
): Promise<Kernels | undefined> {
  const has = (wanted: { owner: string; type: number }) => (note: Note) =>
    note.owner === wanted.owner && note.type === wanted.type;
  const metadata = notes.find(has(metadataNote));
  if (metadata) return await kernelsOfMetadata(metadata, wantSymbols);
  const old = notes.find(has(oldMetadataNote));
  if (old) return await kernelsOfYaml(old, wantSymbols);
  const names = await readSymbolNames(elf);
  const kernels = names.filter((name) => name.endsWith(".kd")).map((name) => name.slice(0, -3));
  if (kernels.length === 0) return undefined;
  return {
    count: kernels.length,
    ...(wantSymbols && { symbols: kernels.map((name) => ({ name })) }),
  };
}

async function kernelsOfMetadata({ content }: Note, wantSymbols: boolean): Promise<Kernels> {
  const cursor = await readAt(content, 0, content.size, "kernel metadata");
  let count = 0;
  const symbols: KernelSymbol[] = [];
  eachEntry(cursor, (key) => {
    if (key !== "amdhsa.kernels") return;
    for (const kernel of elementsOf(cursor)) {
      count++;
      if (wantSymbols) symbols.push(symbolOf(kernel, cursor.offset));
    }
  });
  return wantSymbols ? { count, symbols } : { count };
}

function symbolOf(bytes: Uint8Array, offset: number): KernelSymbol {
  let kernel: unknown;
  try {
    kernel = decode(bytes);
  } catch (cause) {
    throw new FormatError(offset, `metadata of a kernel: ${messageOf(cause)}`, cause);
  }
  if (!isRecord(kernel)) throw new FormatError(offset, "metadata of a kernel are no map");
  const counts = {
    vgprs: ".vgpr_count",
    sgprs: ".sgpr_count",
    agprs: ".agpr_count",
    vgprSpills: ".vgpr_spill_count",
    sgprSpills: ".sgpr_spill_count",
    ldsBytes: ".group_segment_fixed_size",
    scratchBytes: ".private_segment_fixed_size",
    waveSize: ".wavefront_size",
  };
  const known = Object.entries(counts).filter(([, key]) => typeof kernel[key] === "number");
  const name = String(kernel[".name"] ?? kernel[".symbol"] ?? "");
  return { name, ...Object.fromEntries(known.map(([field, key]) => [field, kernel[key]])) };
}

/** Version 2 lists kernels in YAML: each has a line "- Name: NAME" below "Kernels:". */
async function kernelsOfYaml({ content }: Note, wantSymbols: boolean): Promise<Kernels> {
  const text = latin1((await readAt(content, 0, content.size, "kernel metadata")).bytes);
  const kernels = /^Kernels:\s*$([\s\S]*)/m.exec(text)?.[1] ?? "";
  const names = [...kernels.matchAll(/^ {2}- Name:\s*'?([^'\n]+)'?\s*$/gm)].map((m) => m[1]!);
  const count = names.length;
  return wantSymbols ? { count, symbols: names.map((name) => ({ name })) } : { count };
}
