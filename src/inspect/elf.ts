import type { Source } from "../host/index.ts";
import { FormatError } from "./damage.ts";
import { baseOf, type Cursor, indexOf, latin1, type Part, readAt, sliceOf } from "./source.ts";

/** The header of an ELF file, and its tables of sections and segments. */
export interface Elf {
  readonly source: Source;
  readonly is64: boolean;
  readonly isLittle: boolean;
  /** EI_OSABI and EI_ABIVERSION. */
  readonly osAbi: number;
  readonly abiVersion: number;
  /** e_type: 1 relocatable, 2 executable, 3 shared. */
  readonly type: number;
  readonly machine: number;
  readonly flags: number;
  readonly segments: readonly Segment[];
  /** Where the table of sections ends: the end of most files. */
  readonly sectionsEnd: number;
  /** Reads the table of sections. */
  sections(): Promise<readonly Section[]>;
}

export interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly align: number;
}

export interface Section {
  readonly name: string;
  readonly type: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

export interface Note {
  readonly owner: string;
  readonly type: number;
  readonly content: Part;
}

export const machineAmdGpu = 224;
const segmentNote = 4;
const sectionNote = 7;
const sectionNoBits = 8;
const sectionSymbols = 2;
const sectionDynamicSymbols = 11;

/** Larger tables of names and symbols are damage. */
const maxTableBytes = 128 * 2 ** 20;

/** Only 64-bit little-endian files are read further: HIP makes no others. */
export async function readElf(source: Source): Promise<Elf> {
  const ident = await readAt(source, 0, 20, "ELF header");
  const [is64, isLittle] = [ident.bytes[4] === 2, ident.bytes[5] === 1];
  const [osAbi, abiVersion] = [ident.bytes[7]!, ident.bytes[8]!];
  ident.at = 16;
  const type = ident.u16();
  const machine = ident.u16();
  const common = { source, is64, isLittle, osAbi, abiVersion, type, machine };
  if (!is64 || !isLittle) {
    return { ...common, flags: 0, segments: [], sectionsEnd: 0, sections: async () => [] };
  }
  const header = await readAt(source, 0, 64, "ELF header");
  header.at = 32;
  const segmentsAt = header.u64();
  const sectionsAt = header.u64();
  const flags = header.u32();
  header.at = 54;
  const segmentSize = header.u16();
  const segmentCount = header.u16();
  const sectionSize = header.u16();
  const sectionCount = header.u16();
  const namesIndex = header.u16();
  const table = { sectionsAt, sectionSize, sectionCount, namesIndex };
  return {
    ...common,
    flags,
    segments: await readSegments(source, segmentsAt, segmentSize, segmentCount),
    sectionsEnd: sectionsAt + sectionSize * sectionCount,
    sections: () => readSections(source, table),
  };
}

async function readSegments(
  source: Source,
  at: number,
  size: number,
  count: number,
): Promise<Segment[]> {
  if (count === 0 || at === 0) return [];
  if (size < 56) throw new FormatError(baseOf(source) + 54, `program headers of ${size} bytes`);
  const table = await readAt(source, at, size * count, "table of program headers");
  return Array.from({ length: count }, (_, i) => {
    table.at = i * size;
    const type = table.u32();
    table.at = i * size + 8;
    const offset = table.u64();
    table.at = i * size + 32;
    const bytes = table.u64();
    table.at = i * size + 48;
    return { type, offset, size: bytes, align: table.u64() };
  });
}

interface SectionTable {
  readonly sectionsAt: number;
  readonly sectionSize: number;
  readonly sectionCount: number;
  readonly namesIndex: number;
}

async function readSections(source: Source, table: SectionTable): Promise<Section[]> {
  const { sectionsAt, sectionSize } = table;
  if (sectionsAt === 0) return [];
  if (sectionSize < 64) {
    throw new FormatError(baseOf(source) + 58, `section headers of ${sectionSize} bytes`);
  }
  // Counts that do not fit 16 bits stand in the first section's header.
  const first = sectionAt(await readAt(source, sectionsAt, 64, "section header"), 0);
  const count = table.sectionCount || first.size;
  const headers = await readAt(source, sectionsAt, count * sectionSize, "table of sections");
  const raw = Array.from({ length: count }, (_, i) => sectionAt(headers, i * sectionSize));
  const strings = raw[table.namesIndex === 0xffff ? first.link : table.namesIndex];
  if (!strings) return raw.map((section) => ({ ...section, name: "" }));
  const names = await readTable(source, strings, "names of sections");
  return raw.map((section) => ({ ...section, name: textAt(names, section.nameAt) }));
}

function sectionAt(headers: Cursor, at: number): Omit<Section, "name"> & { nameAt: number } {
  headers.at = at;
  const nameAt = headers.u32();
  const type = headers.u32();
  headers.at = at + 16;
  // Addresses may be anything; only those of sections that are looked up by address matter.
  const address = Number(new DataView(headers.raw(8).slice().buffer).getBigUint64(0, true));
  const offset = headers.u64();
  const size = headers.u64();
  return { nameAt, type, address, offset, size, link: headers.u32() };
}

type Extent = Pick<Section, "offset" | "size" | "type">;

async function readTable(source: Source, section: Extent, what: string): Promise<Cursor> {
  if (section.size > maxTableBytes) {
    throw new FormatError(baseOf(source) + section.offset, `${what} take ${section.size} bytes`);
  }
  return await readAt(source, section.offset, section.size, what);
}

function textAt({ bytes }: Cursor, at: number): string {
  if (at >= bytes.length) return "";
  const end = bytes.indexOf(0, at);
  return latin1(bytes.subarray(at, end < 0 ? bytes.length : end));
}

/** The content of a section; throws where the file ends before it does. */
export function sectionContent({ source }: Elf, { name, offset, size, type }: Section): Part {
  return sliceOf(source, offset, type === sectionNoBits ? 0 : size, `section ${name}`);
}

/** Notes of the segments, or of the sections of a file without segments (an object file). */
export async function readNotes(elf: Elf): Promise<Note[]> {
  const fromSegments = elf.segments.filter((segment) => segment.type === segmentNote);
  const places =
    fromSegments.length > 0
      ? fromSegments
      : (await elf.sections()).filter((section) => section.type === sectionNote);
  const notes: Note[] = [];
  for (const place of places) {
    const align = "align" in place && place.align === 8 ? 8 : 4;
    await readNotesOf(sliceOf(elf.source, place.offset, place.size, "notes"), align, notes);
  }
  return notes;
}

const maxNotes = 10_000;

async function readNotesOf(part: Part, align: number, notes: Note[]): Promise<void> {
  const padded = (size: number) => Math.ceil(size / align) * align;
  for (let at = 0; at + 12 <= part.size && notes.length < maxNotes; ) {
    const header = await readAt(part, at, 12, "note");
    const [nameSize, size, type] = [header.u32(), header.u32(), header.u32()];
    const name = await readAt(part, at + 12, nameSize, "name of a note");
    const start = at + padded(12 + nameSize);
    const owner = textAt(name, 0);
    notes.push({ owner, type, content: sliceOf(part, start, size, `note of ${owner}`) });
    at = start + padded(size);
  }
}

/** The names of a file's symbols, of the full table where there is one. */
export async function readSymbolNames(elf: Elf): Promise<string[]> {
  const sections = await elf.sections();
  const table =
    sections.find((s) => s.type === sectionSymbols) ??
    sections.find((s) => s.type === sectionDynamicSymbols);
  const strings = table && sections[table.link];
  if (!table || !strings) return [];
  const symbols = await readTable(elf.source, table, "symbols");
  const names = await readTable(elf.source, strings, "names of symbols");
  const found: string[] = [];
  while (symbols.left >= 24) {
    const nameAt = symbols.u32();
    symbols.at += 20;
    found.push(textAt(names, nameAt));
  }
  return found;
}

/** "shared object, x86-64". */
export function describeElf({ type, machine, is64, isLittle }: Elf): string {
  const kind = { 1: "object file", 2: "executable", 3: "shared object", 4: "core dump" }[type];
  const names: Record<number, string> = { 3: "x86", 62: "x86-64", 183: "AArch64", 243: "RISC-V" };
  const bits = is64 ? "" : ", 32-bit";
  const order = isLittle ? "" : ", big-endian";
  return `ELF ${kind ?? "file"}, ${names[machine] ?? `machine ${machine}`}${bits}${order}`;
}

/** Whether bytes start as an ELF file does. */
export const isElf = (bytes: Uint8Array) => indexOf(bytes.subarray(0, 4), "\x7fELF") === 0;
