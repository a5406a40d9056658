import {
  type DoctorReport,
  type ReportedFinding,
  type ReportedRemedy,
  sentence,
} from "../../doctor/index.ts";
import { type Output, paint } from "../io.ts";
import { plural, significant, wrap } from "../text.ts";

const certainties = {
  confirmed: "confirmed by source",
  reported: "reported by users",
  inferred: "inferred, reported by nobody",
} as const;

const styles = { blocks: "red", slows: "yellow", note: "dim" } as const;

/** Sources on the screen for one finding; `--explain` shows all. */
const sourcesMax = 2;
/** Findings whose facts are missing that are named on the screen. */
const unknownMax = 4;

/** The report as text for one screen, most severe first, the verdict at the end. */
export function renderScreen(report: DoctorReport, out: Output): string {
  const page = pageFor(out);
  page.add(paint(out, "bold", "Machine"));
  page.wrapped(machineLine(report), "  ");
  const serious = report.findings.filter(({ severity }) => severity !== "note");
  for (const finding of serious) renderFinding(page, finding, report);
  renderNotes(page, report);
  renderUnknown(page, report);
  renderResults(page, report);
  renderVerdict(page, report);
  return page.text();
}

/** Lines that grow, wrapped to the width of the output. */
interface Page {
  readonly out: Output;
  readonly columns: number;
  add(...lines: string[]): void;
  /** A text behind an indent; `mark` stands before its first line. */
  wrapped(text: string, indent: string, mark?: string): void;
  /** A command, which is never broken: it would not run. */
  command(line: string, indent: string): void;
  text(): string;
}

function pageFor(out: Output): Page {
  const lines: string[] = [];
  // A line that fills a terminal to its last column leaves an empty one behind on some.
  const columns = Math.min(out.columns, 100) - (out.isTerminal ? 1 : 0);
  return {
    out,
    columns,
    add: (...more) => void lines.push(...more),
    wrapped(text, indent, mark = "") {
      const width = columns - indent.length - mark.length;
      for (const [i, line] of wrap(text, width).entries()) {
        lines.push(indent + (i === 0 ? mark : " ".repeat(mark.length)) + line);
      }
    },
    command: (line, indent) => void lines.push(`${indent}${paint(out, "bold", `$ ${line}`)}`),
    text: () => `${lines.join("\n")}\n`,
  };
}

/** "AMD Radeon RX 5600 XT (gfx1010, 6 GiB); Debian GNU/Linux 12; Linux 6.12.9; 2 PyTorchs" */
function machineLine({ facts }: DoctorReport): string {
  const { gpus, os, kernel, torch } = facts;
  const cards = (gpus ?? []).map((gpu) => {
    const details = [gpu.gfx, gpu.vramBytes && gibibytes(gpu.vramBytes)].filter(Boolean);
    const name = gpu.name ?? gpu.chip ?? `${gpu.vendorId}:${gpu.deviceId}`;
    return details.length === 0 ? name : `${name} (${details.join(", ")})`;
  });
  const shownCards = gpus === undefined ? "GPU not known" : cards.join(", ") || "no GPU";
  const versions = (torch ?? []).map(({ version }) => `PyTorch ${version ?? "?"}`);
  const shownTorch = torch === undefined ? "PyTorch not known" : versions.join(", ");
  return [
    shownCards,
    os?.name ?? os?.platform,
    kernel?.release && os?.platform === "linux" ? `Linux ${kernel.release}` : undefined,
    shownTorch || "no PyTorch found",
  ]
    .filter(Boolean)
    .join("; ");
}

function heading(out: Output, severity: ReportedFinding["severity"], title: string): string {
  const label = { blocks: "BLOCKS", slows: "SLOWS", note: "NOTES" }[severity];
  return `${paint(out, styles[severity], label)}  ${paint(out, "bold", title)}`;
}

function renderFinding(page: Page, finding: ReportedFinding, { verdict }: DoctorReport): void {
  const { severity, title, rule, cases, certainty, sources } = finding;
  const isWide = title.length + rule.length + "BLOCKS    []".length > page.columns;
  page.add("", `${heading(page.out, severity, title)}${isWide ? "" : `  [${rule}]`}`);
  if (isWide) page.add(`  [${rule}]`);
  for (const { why } of cases) page.wrapped(sentence(why), "  ");
  const cited = sources.slice(0, sourcesMax).map(({ at, date }) => `${at} (${date})`);
  page.wrapped(`${certainties[certainty]}: ${cited.join(", ")}`, "  ");
  const isInVerdict = ({ does }: ReportedRemedy) => verdict.way.some((step) => step.does === does);
  const remedies = [
    ...new Map(cases.flatMap((c) => c.remedies).map((remedy) => [remedy.does, remedy])).values(),
  ];
  // What blocks deserves every way out; for the rest the best one does.
  for (const remedy of severity === "blocks" ? remedies : remedies.slice(0, 1)) {
    const isRepeated = isInVerdict(remedy);
    page.wrapped(remedy.does + (isRepeated ? " (commands below)" : ""), "  ", "do: ");
    if (!isRepeated) for (const line of remedy.commands) page.command(line, "     ");
  }
}

/** Notes that the first lines and the verdict say already. */
const saidElsewhere = new Set(["card-identified", "healthy"]);

function renderNotes(page: Page, { findings }: DoctorReport): void {
  const notes = findings.filter(
    ({ severity, rule }) => severity === "note" && !saidElsewhere.has(rule),
  );
  if (notes.length === 0) return;
  page.add("", heading(page.out, "note", "Good to know"));
  for (const { title, rule } of notes) page.wrapped(`${title} [${rule}]`, "  ", "- ");
}

function renderUnknown(page: Page, { unknown, facts }: DoctorReport): void {
  const failed = facts.unknown ?? [];
  if (unknown.length === 0 && failed.length === 0) return;
  page.add("", paint(page.out, "bold", "Not known"));
  for (const { probe, reason, command } of failed) {
    page.wrapped(`${probe}: ${reason}`, "  ", "- ");
    if (command) page.command(command, "    ");
  }
  const blocking = unknown.filter(({ severity }) => severity === "blocks");
  for (const { title, rule, cases, howToFindOut } of blocking.slice(0, unknownMax)) {
    const needed = cases[0]!.facts.filter(({ value }) => value === undefined);
    const keys = needed.map(({ key }) => key).join(", ");
    page.wrapped(`${title}? Needs ${keys} [${rule}]`, "  ", "- ");
    const [command] = howToFindOut;
    if (command && !failed.some((f) => f.command === command)) page.command(command, "    ");
  }
  const rest = unknown.length - Math.min(blocking.length, unknownMax);
  if (rest > 0) {
    const more = blocking.length > 0 || failed.length > 0 ? "further rule" : "rule";
    page.wrapped(`${plural(rest, more)} without the facts to judge: see --json`, "  ", "- ");
  }
}

function renderResults(page: Page, { results }: DoctorReport): void {
  if (results.length === 0) return;
  page.add("", paint(page.out, "bold", "Tried on this machine"));
  for (const { kind, subject, device, time, isThisBoot, sentence, command } of results) {
    const where = device === undefined ? "" : ` on ${device}`;
    const when = `${time.slice(0, 16).replace("T", " ")}, ${isThisBoot ? "this" : "another"} boot`;
    page.wrapped(`${kind} of ${subject}${where} (${when}): ${sentence}`, "  ", "- ");
    page.command(command, "    ");
  }
}

function renderVerdict(page: Page, { verdict, clear }: DoctorReport): void {
  const style = { works: "green", fails: "red", unknown: "yellow", "no-card": "yellow" } as const;
  page.add("", paint(page.out, style[verdict.outcome], "VERDICT"));
  page.wrapped(verdict.sentence, "  ");
  for (const { commands } of verdict.way) for (const line of commands) page.command(line, "    ");
  const more = `${plural(clear.length, "rule")} clear. More: rekindle doctor --explain RULE`;
  page.add("", paint(page.out, "dim", more));
}

/** Memory of cards is sold in units of 2^30 bytes, of which the driver keeps a little. */
function gibibytes(bytes: number): string {
  return `${significant(Math.round((bytes / 2 ** 30) * 10) / 10)} GiB`;
}
