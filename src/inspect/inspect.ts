import { basename, dirname, join } from "node:path";
import { RekindleError } from "../errors.ts";
import { type FileTree, machineFiles, type Source } from "../host/index.ts";
import { aotritonFile } from "./aotriton.ts";
import { arMembers } from "./ar.ts";
import { Collector, problemOf } from "./collector.ts";
import { decompressed } from "./decompress.ts";
import { miopenFile } from "./miopen.ts";
import { isPythonFolder, readPythonEnvironment } from "./python.ts";
import { type Archive, archiveOf, readFile } from "./recognize.ts";
import type {
  DataFile,
  FileReport,
  Format,
  InspectOptions,
  KpackReference,
  Problem,
} from "./report.ts";
import type { Member } from "./source.ts";
import { streamSource } from "./stream-source.ts";
import { isTar, tarMembers } from "./tar.ts";
import { tensileFile } from "./tensile.ts";
import { zipMembers } from "./zip.ts";

/** Archives in archives in archives: a wheel holds none, a .deb two. */
const maxDepth = 5;

/**
 * Files whose names say that they hold text, pictures or weights. Inside folders and archives they
 * are passed over; a file that is named itself is always read.
 */
const passedOver = new Set(
  [
    "c cc cpp cu cuh h hh hpp py pyc pyi pyx pxd js ts map css html sh bat cmake pc",
    "md rst txt json toml cfg ini csv typed ipynb png jpg jpeg gif svg",
    "npy pt pth safetensors onnx gguf",
  ]
    .join(" ")
    .split(" "),
);

/** Tuning data of MIOpen end in ".fdb.txt" or ".db.txt". */
function isPassedOver(name: string): boolean {
  const suffix = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  return passedOver.has(suffix) && !/db\.txt$/.test(name);
}

interface Context {
  readonly files: FileTree;
  readonly symbols: boolean;
  readonly onProgress: (path: string, doneBytes: number, sizeBytes: number) => void;
  /** Real paths of kpack archives that are read already. */
  readonly seen: Set<string>;
}

/**
 * Reports which GPU targets a file, an archive, a folder or a Python environment holds code for:
 * one report per file, in the order in which they are read. Files are streamed, never unpacked to
 * disk, and nothing of them is executed. Damage is a problem in the report of its file.
 *
 * @param path a file or folder. Throws "file-missing" where there is none.
 * @example
 * for await (const { path, code } of inspect("/opt/rocm/lib")) {
 *   console.log(path, code.map((row) => row.target).join(" "));
 * }
 */
export async function* inspect(
  path: string,
  options: InspectOptions = {},
): AsyncGenerator<FileReport> {
  const context: Context = {
    files: options.files ?? machineFiles(),
    symbols: options.symbols ?? false,
    onProgress: options.onProgress ?? (() => undefined),
    seen: new Set(),
  };
  const target = await context.files.target(path);
  if (!target) {
    throw new RekindleError("file-missing", `${path} does not exist`, { fix: "check the path" });
  }
  if (target.kind === "folder") yield* inspectFolder(path, context);
  else if (target.kind === "file") yield* inspectFile(path, context);
  else throw new RekindleError("file-invalid", `${path} is neither a file nor a folder`);
}

/**
 * All reports of `inspect` at once.
 *
 * @example
 * const reports = await inspectAll("/opt/rocm/lib/librocblas.so");
 * console.log(wouldLoad(summarize(reports), "gfx1010").answer);
 */
export async function inspectAll(path: string, options?: InspectOptions): Promise<FileReport[]> {
  const reports: FileReport[] = [];
  for await (const report of inspect(path, options)) reports.push(report);
  return reports;
}

/** Links are not followed: what they lead to is met by its own name, or lies outside. */
async function* inspectFolder(folder: string, context: Context): AsyncGenerator<FileReport> {
  let entries: Awaited<ReturnType<FileTree["entries"]>>;
  try {
    entries = await context.files.entries(folder);
  } catch (error) {
    yield failed(folder, "folder", "folder", 0, problemOf(error));
    return;
  }
  if (isPythonFolder(folder, entries)) yield await readPythonEnvironment(folder, context.files);
  for (const { name, kind } of entries) {
    const path = join(folder, name);
    if (kind === "folder") yield* inspectFolder(path, context);
    else if (kind === "file" && !isPassedOver(name)) yield* inspectFile(path, context);
  }
}

async function* inspectFile(path: string, context: Context): AsyncGenerator<FileReport> {
  const real = (await context.files.target(path))?.path ?? path;
  if (context.seen.has(real)) return;
  if (path.endsWith(".kpack")) context.seen.add(real);
  let file: Awaited<ReturnType<FileTree["open"]>>;
  try {
    file = await context.files.open(path);
  } catch (error) {
    yield failed(path, "unknown", "file", 0, problemOf(error));
    return;
  }
  let kpack: KpackReference | undefined;
  try {
    for await (const report of inspectSource(path, file, context, 0)) {
      kpack ??= report.path === path ? report.kpack : undefined;
      yield report;
    }
  } finally {
    await file.close();
  }
  if (kpack) yield* inspectKpacks(path, kpack, context);
}

/** The archives to which a library's device code was moved, where they lie beside it. */
async function* inspectKpacks(
  library: string,
  { searchPaths }: KpackReference,
  context: Context,
): AsyncGenerator<FileReport> {
  for (const place of searchPaths) {
    const path = join(dirname(library), place);
    const [before = "", after = ""] = basename(path).split("@GFXARCH@");
    const entries = await context.files.entries(dirname(path)).catch(() => []);
    for (const { name } of entries) {
      const fits = name.startsWith(before) && name.endsWith(after) && name.endsWith(".kpack");
      if (fits) yield* inspectFile(join(dirname(path), name), context);
    }
  }
}

async function* inspectSource(
  path: string,
  source: Source,
  context: Context,
  depth: number,
): AsyncGenerator<FileReport> {
  const data = tensileFile(path) ?? aotritonFile(path) ?? miopenFile(path);
  const progress = (offset: number) => context.onProgress(path, offset, source.size);
  const into = new Collector(data?.place ?? "fatbin", context.symbols, progress);
  progress(0);
  try {
    const head = await source.read(0, 512);
    const archive = archiveOf(head);
    if (archive) yield* inspectArchive(path, source, archive, context, depth);
    else yield await reportOf(path, source, head, data, into);
  } catch (error) {
    yield failed(path, "unknown", "damaged file", source.size, problemOf(error), into);
  }
}

async function reportOf(
  path: string,
  source: Source,
  head: Uint8Array,
  data: DataFile | undefined,
  into: Collector,
): Promise<FileReport> {
  const found = await readFile(source, head, data, into);
  const isAlone = into.place === "fatbin" && found.format === "code-object";
  const place = isAlone ? "code-object" : found.format === "kpack" ? "kpack" : into.place;
  return {
    path,
    sizeBytes: source.size,
    ...(data && { data }),
    ...found,
    code: into.code.map((code) => ({ ...code, place })),
    containers: into.containers,
    problems: into.problems,
  };
}

async function* inspectArchive(
  path: string,
  source: Source,
  archive: Archive,
  context: Context,
  depth: number,
): AsyncGenerator<FileReport> {
  const format = typeof archive === "object" ? "compressed" : archive;
  if (depth >= maxDepth) {
    const message = `archives are nested more than ${maxDepth} deep`;
    yield failed(path, format, "archive", source.size, { code: "skipped", message });
    return;
  }
  let count = 0;
  let name: Format = format;
  const problems: Problem[] = [];
  try {
    for await (const member of membersOf(source, archive)) {
      count++;
      context.onProgress(path, 0, source.size);
      if (member.name === "debian-binary") name = "deb";
      const inner = `${path}!${member.name.replace(/^\.\//, "")}`;
      if (!isPassedOver(member.name)) {
        yield* inspectSource(inner, member.source, context, depth + 1);
      }
      await member.close?.();
    }
  } catch (error) {
    problems.push(problemOf(error));
  }
  const description = `${describeArchive(name, archive)} of ${count} files`;
  yield { ...empty(path, name, description, source.size), problems };
}

const methodNames = { xz: "xz", gzip: "gzip", zstd: "zstd", zlib: "zlib", deflate: "deflate" };

function describeArchive(format: Format, archive: Archive): string {
  if (typeof archive === "object") return `archive (${methodNames[archive.compressed]})`;
  return { ar: "static archive", deb: "Debian package", zip: "zip archive", tar: "tar archive" }[
    format as "ar" | "deb" | "zip" | "tar"
  ];
}

async function* membersOf(source: Source, archive: Archive): AsyncGenerator<Member> {
  if (archive === "ar") return yield* arMembers(source);
  if (archive === "zip") return yield* zipMembers(source);
  if (archive === "tar") return yield* tarMembers(source);
  const { compressed } = archive;
  const content = streamSource(() => decompressed(source, compressed, Infinity), Infinity);
  try {
    if (isTar(await content.read(0, 512))) yield* tarMembers(content);
  } finally {
    await content.close();
  }
}

function empty(path: string, format: Format, description: string, sizeBytes: number): FileReport {
  return { path, format, description, sizeBytes, code: [], containers: [], problems: [] };
}

function failed(
  path: string,
  format: Format,
  description: string,
  sizeBytes: number,
  problem: Problem,
  into?: Collector,
): FileReport {
  return {
    ...empty(path, format, description, sizeBytes),
    code: into?.code ?? [],
    containers: into?.containers ?? [],
    problems: [...(into?.problems ?? []), problem],
  };
}
