import type {
  Container,
  DeviceCode,
  FileReport,
  InspectSummary,
  KernelSymbol,
  LoadAnswer,
  Place,
} from "../inspect/index.ts";
import { type Output, paint } from "./io.ts";
import { formatBytes, plural, table, wrap } from "./text.ts";

/** What `--json` prints; docs/inspect.md explains every field. */
export interface Inspection {
  /** Of this document's shape; grows when a field changes its meaning or goes. */
  readonly schema: "rekindle-inspect/1";
  readonly files: readonly FileReport[];
  readonly summary: InspectSummary;
  /** With --for. */
  readonly load?: LoadAnswer;
}

/** More files than this are told in a line each. */
const maxBlocks = 12;

/** An inspection as text: each file that holds something, the totals, and the answer to --for. */
export function renderInspection({ files, summary, load }: Inspection, out: Output): string {
  const told = files.filter(hasSomething);
  const lines: string[] = [];
  const isLong = told.filter((file) => file.code.length > 0).length > maxBlocks;
  for (const file of told) {
    if (isLong && file.problems.length === 0 && !file.python && !hasSymbols(file)) {
      lines.push(...lineOf(file));
    } else lines.push(...blockOf(file, out), "");
  }
  if (isLong) lines.push("");
  if (told.filter((file) => file.code.length > 0).length > 1) {
    lines.push(
      paint(out, "bold", "In total"),
      ...indent(table(totalRows(summary.targets), "lrrrll")),
    );
    lines.push("");
  }
  lines.push(...wrap(countsOf(files, told, summary.unknownFiles), out.columns));
  if (load) lines.push("", ...answerLines(load, out));
  return `${lines.join("\n")}\n`;
}

const indent = (lines: readonly string[]) => lines.map((line) => `  ${line}`);

const hasSymbols = (file: FileReport) => file.code.some((row) => row.symbols);

function hasSomething(file: FileReport): boolean {
  const { code, data, kpack, python, problems, hasNvidiaCode } = file;
  if (code.length > 0 || kpack || python || problems.length > 0 || hasNvidiaCode) return true;
  return data !== undefined && data.role !== "tuning";
}

function lineOf({ path, code, data, kpack, sizeBytes }: FileReport): string[] {
  const targets = code.length > 0 ? code.map((row) => row.target) : (data?.targets ?? []);
  const none = kpack ? "in kpack archives" : "every target";
  return [`${path}  ${formatBytes(sizeBytes)}  ${[...new Set(targets)].join(" ") || none}`];
}

function blockOf(file: FileReport, out: Output): string[] {
  const { path, description, sizeBytes, kpack, data, python, hasNvidiaCode } = file;
  const size = sizeBytes > 0 && sizeBytes < Infinity ? `, ${formatBytes(sizeBytes)}` : "";
  const lines = [`${paint(out, "bold", path)}  ${description}${size}`];
  lines.push(...indent(file.containers.map(containerLine)));
  if (file.code.length > 0) lines.push(...indent(table(codeRows(file.code), "lrrrll")));
  const say = (text: string) => lines.push(...indent(wrap(text, out.columns - 2)));
  if (data?.role === "index") say(`lists ${data.targets.join(", ") || "what every target shares"}`);
  if (kpack) say(`device code is in ${kpack.searchPaths.join(", ")} as ${kpack.kernelName}`);
  if (hasNvidiaCode) say("has code for NVIDIA GPUs");
  for (const found of python?.packages ?? []) say(packageLine(found));
  for (const problem of file.problems) say(`${paint(out, "red", "damaged")}: ${problem.message}`);
  for (const { target, symbols } of file.code) {
    if (!symbols) continue;
    lines.push(`  kernels of ${target}`, ...indent(indent(table(symbolRows(symbols), "lrrrrr"))));
  }
  return lines;
}

function containerLine({ kind, version, compression, count, storedBytes, bytes }: Container) {
  const names = {
    "offload-bundle": "offload bundle",
    "offload-binary": "offload binary",
    "code-object": "lone code object",
    ccob: "compressed bundle",
    kpack: "kpack archive",
  };
  const name = plural(count, names[kind]);
  const details = [
    version !== undefined && `version ${version}`,
    compression !== "none" && compression,
  ];
  const known = details.filter(Boolean).join(", ");
  const sizes =
    compression === "none"
      ? formatBytes(bytes)
      : `${formatBytes(storedBytes)}, ${formatBytes(bytes)} decompressed`;
  return `${name}${known ? ` (${known})` : ""}: ${sizes}`;
}

function packageLine(found: {
  name: string;
  version: string;
  build: string;
  devicePackages?: readonly string[];
}) {
  const { name, version, build, devicePackages } = found;
  const kind = build === "other" ? "" : `, ${build} build`;
  const devices = devicePackages ? `, device code for ${devicePackages.join(", ")}` : "";
  return `${name} ${version}${kind}${devices}`;
}

const heading = ["target", "kernels", "objects", "size"];

function codeRows(code: readonly DeviceCode[]): string[][] {
  const rows = code.map((row) => [
    row.target,
    row.kernels === undefined ? "?" : String(row.kernels),
    String(row.codeObjects),
    formatBytes(row.bytes),
    row.compression === "none" ? "" : row.compression,
    "",
  ]);
  return [[...heading, "", ""], ...rows];
}

const placeNames: Readonly<Record<Place, string>> = {
  fatbin: "in libraries",
  kpack: "kpack",
  tensile: "rocBLAS data",
  hipblaslt: "hipBLASLt data",
  aotriton: "AOTriton",
  miopen: "MIOpen",
  "code-object": "lone files",
};

function totalRows(targets: Inspection["summary"]["targets"]): string[][] {
  const rows = targets.map((row) => [
    row.target,
    String(row.kernels),
    String(row.codeObjects),
    formatBytes(row.bytes),
    row.compression.filter((method) => method !== "none").join(", "),
    row.places.map((place) => placeNames[place]).join(", "),
  ]);
  return [[...heading, "", "where"], ...rows];
}

const spillsOf = (kernel: KernelSymbol) => (kernel.vgprSpills ?? 0) + (kernel.sgprSpills ?? 0);

function symbolRows(symbols: readonly KernelSymbol[]): string[][] {
  const cell = (value: number | undefined) => (value === undefined ? "" : String(value));
  const rows = symbols.map((kernel) => [
    kernel.name,
    cell(kernel.vgprs),
    cell(kernel.sgprs),
    cell(kernel.vgprs === undefined ? undefined : spillsOf(kernel)),
    cell(kernel.ldsBytes),
    cell(kernel.scratchBytes),
  ]);
  return [["kernel", "VGPRs", "SGPRs", "spills", "LDS", "scratch"], ...rows];
}

function countsOf(files: readonly FileReport[], told: readonly FileReport[], unknown: number) {
  const read = plural(files.filter((file) => file.format !== "folder").length, "file");
  const withCode = files.filter((file) => file.code.length > 0).length;
  const coded = withCode === 0 ? "no device code for GPUs" : `device code in ${withCode}`;
  const hidden = files.filter((file) => file.format === "unknown").length;
  const tail = unknown > 0 ? `, ${hidden} of an unknown format` : "";
  const silent = told.length === 0 && files.length === 1 ? ` (${files[0]!.description})` : "";
  return `${read} read: ${coded}${tail}${silent}.`;
}

/** Parts that answer otherwise are worth a line each; of those that agree, a few. */
const maxParts = 20;

function answerLines({ target, answer, why, parts }: LoadAnswer, out: Output): string[] {
  const words = {
    yes: "yes",
    partly: "in part",
    conditional: "on a condition",
    no: "no",
    unknown: "not known",
  };
  const word = paint(out, "bold", words[answer]);
  const lines = wrap(`Would code for ${target} load from here? ${word}: ${why}.`, out.columns);
  if (parts.length < 2) return lines;
  const shown = parts.toSorted((a, b) => Number(a.answer === "yes") - Number(b.answer === "yes"));
  for (const part of shown.slice(0, maxParts)) {
    lines.push(`  ${part.path}`);
    const text = wrap(`${words[part.answer]}: ${part.why}`, out.columns - 4);
    lines.push(...text.map((line) => `    ${line}`));
  }
  if (shown.length > maxParts) lines.push(`  and ${shown.length - maxParts} more (--json has all)`);
  return lines;
}
