import {
  type Explanation,
  type Finding,
  type Pattern,
  patterns,
  type Step,
} from "../explain/index.ts";
import { type Output, paint } from "./io.ts";
import { plural, table, wrap } from "./text.ts";

const certainties = {
  confirmed: "confirmed: the text states it and nothing contradicts it",
  likely: "likely: this is the cause as a rule",
  possible: "possible: the text does not tell it from other causes",
} as const;

const verdicts = {
  found: "",
  harmless: "Nothing is wrong: what stands here may be ignored.",
  unknown:
    "This looks like a failure, and no known message names its cause. Nothing is claimed about it.",
  nothing: "Nothing in this text looks like a failure of a GPU or of what drives it.",
} as const;

/** Lines of evidence on the screen for each finding. */
const linesMax = 3;
const sourcesMax = 3;

/** An explanation as text: causes in full, closing lines and harmless messages in short. */
export function renderExplanation(explanation: Explanation, out: Output): string {
  const { verdict, findings } = explanation;
  const page = pageFor(out);
  if (verdicts[verdict]) page.wrapped(verdicts[verdict], "");
  const grave = findings.filter(({ role }) => role === "cause" || role === "symptom");
  for (const [i, finding] of grave.entries()) {
    if (i > 0) page.add("");
    renderFinding(page, finding, grave.length > 1 ? `${i + 1}. ` : "");
  }
  const others = findings.filter((finding) => !grave.includes(finding));
  for (const finding of others) renderShort(page, finding);
  renderLogs(page, explanation.logsThatWouldHelp);
  renderContext(page, explanation);
  return `${page.lines.join("\n")}\n`;
}

interface Page {
  readonly lines: string[];
  readonly out: Output;
  add(...lines: string[]): void;
  /** A text behind an indent; `name` stands before its first line. */
  wrapped(text: string, indent: string, name?: string): void;
}

const nameWidth = 13;

function pageFor(out: Output): Page {
  const lines: string[] = [];
  const columns = Math.min(out.columns, 100);
  return {
    lines,
    out,
    add: (...more) => void lines.push(...more),
    wrapped(text, indent, name) {
      const lead = name === undefined ? "" : `  ${name}`.padEnd(nameWidth);
      const width = columns - indent.length - lead.length;
      for (const [i, line] of wrap(text, width).entries()) {
        lines.push(indent + (i === 0 ? lead : " ".repeat(lead.length)) + line);
      }
    },
  };
}

function renderFinding(page: Page, finding: Finding, mark: string): void {
  const { out } = page;
  page.add(paint(out, finding.role === "cause" ? "red" : "bold", `${mark}${finding.title}`));
  page.wrapped(finding.cause, "  ");
  page.add("");
  page.wrapped(certainties[finding.certainty], "", "certainty");
  renderLines(page, finding);
  const titles = finding.consequences.map((id) => patterns.find((p) => p.id === id)?.title ?? id);
  for (const [i, title] of titles.entries()) page.wrapped(title, "", i === 0 ? "explains" : "");
  for (const [i, text] of finding.isNot.entries()) page.wrapped(text, "", i === 0 ? "is not" : "");
  for (const [i, step] of finding.steps.entries()) renderStep(page, step, i === 0 ? "do" : "");
  const shown = finding.sources.slice(0, sourcesMax).map((s) => `${s.where} (${s.date})`);
  page.wrapped(shown.join(", "), "", "sources");
}

function renderLines(page: Page, finding: Finding): void {
  const shown = finding.lines.slice(0, linesMax);
  for (const [i, { file, number, text }] of shown.entries()) {
    const place = `${file === undefined ? "line " : `${file}:`}${number}`;
    page.wrapped(`${place}: ${text}`, "", i === 0 ? "says so" : "");
  }
  const more = finding.count - shown.length;
  if (more > 0) page.wrapped(`and ${plural(more, "more line")}`, "", "");
}

/** Commands are never broken: they would not run. */
function renderStep(page: Page, { what, command, code }: Step, name: string): void {
  page.wrapped(what, "", name);
  const line = command === undefined ? code : `$ ${command}`;
  if (line !== undefined) page.add(" ".repeat(nameWidth) + paint(page.out, "bold", line));
}

function renderShort(page: Page, finding: Finding): void {
  const { title, cause, lines, role } = finding;
  const first = lines[0];
  const place = first
    ? ` (${first.file === undefined ? "line " : `${first.file}:`}${first.number})`
    : "";
  const lead = role === "harmless" ? "May be ignored: " : "";
  page.add("");
  page.wrapped(`${lead}${title}${place}. ${cause}`, "");
}

function renderLogs(page: Page, logs: readonly Step[]): void {
  if (logs.length === 0) return;
  page.add("", paint(page.out, "bold", "What would tell more"));
  for (const step of logs) renderStep(page, step, "");
}

function renderContext(page: Page, { context }: Explanation): void {
  if (context.noAmdGpu) {
    page.add("");
    page.wrapped(
      "No GPU of this machine is AMD's: the text is of another machine, or the card is not seen.",
      "",
    );
    return;
  }
  if (context.facts === "other machine") {
    page.add("");
    page.wrapped(
      "The text is about another card than this machine has: its facts were left aside.",
      "",
    );
  }
}

/** All patterns, by what they are about. */
export function renderPatterns(
  listed: readonly (Pick<Pattern, "id" | "role" | "title"> & { readonly family: string })[],
  out: Output,
): string {
  const lines: string[] = [];
  for (const family of new Set(listed.map((pattern) => pattern.family))) {
    const rows = listed.filter((pattern) => pattern.family === family);
    lines.push(paint(out, "bold", family));
    const cells = rows.map(({ id, role, title }) => [`  ${id}`, role, title]);
    lines.push(...table(cells, "lll"), "");
  }
  return `${lines.join("\n").trimEnd()}\n`;
}
