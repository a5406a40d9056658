import { dirname } from "node:path";
import type {
  Compression,
  DeviceCode,
  FileReport,
  InspectSummary,
  Part,
  Place,
  TargetSummary,
} from "./report.ts";
import { compareTargets } from "./targets.ts";

/**
 * Reports taken together: all code by target, and the parts that stand or fall together when a GPU
 * asks for its code.
 */
export function summarize(reports: readonly FileReport[]): InspectSummary {
  const files = reports.filter((report) => report.format !== "folder" && !report.python);
  return {
    files: files.length,
    // Members of an archive are part of its own size.
    bytes: files.reduce((sum, file) => sum + (file.path.includes("!") ? 0 : file.sizeBytes), 0),
    unknownFiles: files.filter((file) => file.format === "unknown").length,
    targets: targetsOf(reports),
    parts: partsOf(reports),
    pythonPackages: reports.flatMap((report) => report.python?.packages ?? []),
    problems: reports.flatMap(({ path, problems }) => problems.map((p) => ({ path, ...p }))),
  };
}

function targetsOf(reports: readonly FileReport[]): TargetSummary[] {
  const byTarget = new Map<string, (DeviceCode & { path: string })[]>();
  for (const { path, code } of reports) {
    for (const row of code) {
      const rows = byTarget.get(row.target) ?? [];
      byTarget.set(row.target, rows);
      rows.push({ ...row, path });
    }
  }
  const sum = (rows: readonly DeviceCode[], value: (row: DeviceCode) => number) =>
    rows.reduce((total, row) => total + value(row), 0);
  return [...byTarget]
    .sort(([a], [b]) => compareTargets(a, b))
    .map(([target, rows]) => ({
      target,
      places: distinct<Place>(rows.map((row) => row.place)),
      compression: distinct<Compression>(rows.map((row) => row.compression)),
      files: new Set(rows.map((row) => row.path)).size,
      codeObjects: sum(rows, (row) => row.codeObjects),
      bytes: sum(rows, (row) => row.bytes),
      kernels: sum(rows, (row) => row.kernels ?? 0),
    }));
}

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** Reports that form one part, gathered before its targets are known. */
interface Draft {
  readonly path: string;
  readonly place: Place;
  readonly reports: FileReport[];
}

function partsOf(reports: readonly FileReport[]): Part[] {
  const kpacks = reports.filter((report) => report.kpackBinaries);
  const libraries = reports.filter((report) => report.kpack);
  const drafts = new Map<string, Draft>();
  for (const report of reports) {
    const place = placeOf(report);
    if (place === undefined || place === "miopen") continue;
    if (place === "kpack" && libraries.some((library) => holds(report, library))) continue;
    const path = partPath(report.path, place);
    const draft = drafts.get(path) ?? { path, place, reports: [] };
    drafts.set(path, draft);
    draft.reports.push(report);
  }
  return [...drafts.values()].map((draft) => partOf(draft, kpacks));
}

/** Undefined for files without device code. */
function placeOf(report: FileReport): Place | undefined {
  if (report.kpack) return "fatbin";
  const isAmd = report.code.some((row) => isAmdTarget(row.target));
  return report.data?.place ?? (isAmd ? report.code[0]!.place : undefined);
}

/** Bundles may hold code for other makers' GPUs too: "sm_70", "sycl-spir64". */
const isAmdTarget = (target: string) => /^(gfx|mach-|amdgcnspirv)/.test(target);

const holds = (archive: FileReport, library: FileReport) =>
  archive.kpackBinaries?.[library.kpack!.kernelName] !== undefined;

/**
 * The name under which files belong together: the folder of a library's data, the archive of object
 * files, and for files that differ in the target alone their name with "gfx*" in its place.
 */
function partPath(path: string, place: Place): string {
  if (place === "tensile" || place === "hipblaslt") {
    return dirname(path).replace(/\/gfx[0-9a-z-]+$/, "");
  }
  if (place === "aotriton") return path.replace(/\/(amd-)?gfx[0-9a-z]+\/.*$/, "");
  return path.replace(/\.a![^!]*$/, ".a").replace(/gfx[0-9]+[a-z]?(?=[^/0-9a-z][^/]*$)/, "gfx*");
}

function partOf(draft: Draft, kpacks: readonly FileReport[]): Part {
  const { place, path, reports } = draft;
  if (place === "tensile" || place === "hipblaslt") return dataPart(draft);
  const [first] = reports;
  const own = targetsIn(reports);
  const only = reports.length === 1 ? first!.path : path;
  const damaged = reports.find((report) => report.problems.length > 0);
  const library = reports.find((report) => report.kpack);
  if (library) return kpackPart(only, own, library, kpacks);
  return {
    path: only,
    place,
    targets: own,
    complete: !damaged,
    ...(damaged && { remark: `a part of it could not be read: ${damaged.problems[0]!.message}` }),
  };
}

const targetsIn = (reports: readonly FileReport[]) =>
  distinct(reports.flatMap((report) => report.code.map((row) => row.target)))
    .filter(isAmdTarget)
    .sort(compareTargets);

function kpackPart(
  path: string,
  own: readonly string[],
  library: FileReport,
  kpacks: readonly FileReport[],
): Part {
  const { kernelName, searchPaths } = library.kpack!;
  const archives = kpacks.filter((archive) => holds(archive, library));
  const targetsOf = (archive: FileReport) => archive.kpackBinaries![kernelName]!;
  const moved = archives.flatMap(targetsOf);
  const named = archives.map((archive) => `${archive.path} (${targetsOf(archive).join(", ")})`);
  const remark =
    archives.length > 0
      ? `its code is in ${named.join(", ")}`
      : `its code was moved to kpack archives (${searchPaths.join(", ")}), and none was found`;
  const targets = distinct([...own, ...moved]).sort(compareTargets);
  return { path, place: "kpack", targets, complete: archives.length > 0, remark };
}

/** rocBLAS and hipBLASLt load what an index lists: a target needs both, index and code. */
function dataPart({ path, place, reports }: Draft): Part {
  const indexed = reports.filter((report) => report.data?.role === "index");
  const merged = indexed.some((report) => report.data!.merged);
  const code = targetsIn(reports);
  const processor = (target: string) => target.split(":")[0]!;
  const listed = new Set(indexed.flatMap((report) => report.data!.targets).map(processor));
  const targets = code.filter((target) => merged || listed.has(processor(target)));
  const codeless = [...listed].filter((t) => !code.some((target) => processor(target) === t));
  if (indexed.length === 0) {
    return { path, place, targets: code, complete: false, remark: "no index was seen with it" };
  }
  const remark = codeless.length > 0 && `listed without code: ${codeless.join(", ")}`;
  return { path, place, targets, complete: true, ...(remark && { remark }) };
}
