import {
  isFailure,
  type Outcome,
  outcomeMeaning,
  type ReportedStep,
  type Risk,
  riskMeaning,
  type Search,
  type TrialReport,
  unreadable,
} from "../../trial/index.ts";
import { groupBy } from "../../validate/group-by.ts";
import { type Output, paint } from "../io.ts";
import { formatBytes, formatMs, plural, table, wrap } from "../text.ts";

/** The experiments with what each proves and risks. */
export function renderList(
  experiments: readonly { readonly id: string; readonly proves: string; readonly risk: Risk }[],
): string {
  const rows = experiments.map(({ id, proves, risk }) => [id, riskMeaning[risk], proves]);
  return `${table([["experiment", "risk", "proves that"], ...rows], "lll").join("\n")}\n`;
}

/** A trial as text: a line for each step, then what failed, then what helps. */
export function renderTrial(report: TrialReport, out: Output): string {
  const { steps, counts, search } = report;
  const where = report.device === undefined ? "" : ` on ${report.device}`;
  const parts: string[] = [`${paint(out, "bold", report.subject + where)}\n`];
  const rows = rowsOf(steps);
  const lines = table(
    rows.map(({ outcome, name, text }) => [shown(outcome), name, text]),
    "lll",
  );
  parts.push(...rows.map(({ outcome }, i) => `${coloured(outcome, lines[i]!, out)}\n`));
  const failed = steps.filter(({ outcome }) => isFailure(outcome));
  const isRocm = report.subject.includes("rocm");
  for (const step of failed) parts.push("\n", ...paragraph(step, out, isRocm));
  if (search) parts.push("\n", ...changes(search, out));
  const left = counts["left-out"] === 0 ? "" : `, ${counts["left-out"]} left out`;
  const isBlind = report.kernelLog === unreadable && report.target !== "ort";
  parts.push(
    "\n",
    report.boots > 1 ? `The machine was started ${report.boots} times meanwhile.\n` : "",
    `${plural(counts.passed, "step")} passed, ${counts.failed} failed${left}\n`,
    report.isComplete && counts.passed + counts.failed === 0
      ? "Nothing could be tried: rekindle doctor says why.\n"
      : "",
    report.target === "torch" && report.device === "cpu" ? onCpu : "",
    failed.length > 0 && isBlind ? blindness : "",
    report.isComplete ? "" : "Stopped before the end: rekindle trial --resume goes on.\n",
    `${paint(out, "dim", `limits: ${report.confinement}; journal: ${report.journal}`)}\n`,
  );
  return parts.join("");
}

/** Without the kernel's log a reset looks like what it does to the program. */
const blindness =
  "Nothing lets this user read the kernel's log: a reset of the GPU shows as a hang or a crash.\n" +
  "  to let it be read: sudo usermod -aG systemd-journal $USER, and log in again\n";

const onCpu = "Note: this PyTorch computes on the CPU; nothing of a graphics card was tried.\n";

const shown = (outcome: Outcome) => outcome.replace("-", " ");

interface Row {
  readonly outcome: Outcome;
  readonly name: string;
  readonly text: string;
}

/** More that were left out for one reason take one line. */
const leftOutMax = 3;

/** A line for each step, in their order. */
function rowsOf(steps: readonly ReportedStep[]): Row[] {
  const leftOut = groupBy(
    steps.filter(({ outcome }) => outcome === "not-run"),
    ({ detail }) => detail,
  );
  return steps.flatMap((step): Row[] => {
    const { outcome, id, detail } = step;
    const alike = (outcome === "not-run" && leftOut.get(detail)) || [];
    if (alike.length <= leftOutMax) return [{ outcome, name: id, text: inShort(step) }];
    return step === alike[0] ? [{ outcome, name: `${alike.length} others`, text: detail }] : [];
  });
}

function coloured(outcome: Outcome, line: string, out: Output): string {
  if (isFailure(outcome)) return paint(out, "red", line);
  return outcome === "passed" ? line : paint(out, "dim", line);
}

function inShort(step: ReportedStep): string {
  const { outcome, error, timeMs, detail } = step;
  if (outcome !== "passed") return detail;
  return `${formatMs(timeMs)}, relative error ${Number(error).toExponential(1)}`;
}

const kernelLinesMax = 6;
const textLinesMax = 8;

const ofCompiling = "if MIOpen was compiling, run it again: it keeps what it has compiled";

function paragraph(step: ReportedStep, out: Output, isRocm: boolean): string[] {
  const { id, outcome, detail, at, causes = [], kernelLines = [], text = "" } = step;
  const lines = [
    `${paint(out, "bold", id)}: ${outcomeMeaning[outcome]}`,
    ...wrap(detail, out.columns - 2).map((line) => `  ${line}`),
  ];
  const isWrong = outcome === "wrong";
  if (at !== undefined && !isWrong && !detail.includes(at)) lines.push(`  it had come to: ${at}`);
  if (outcome === "hang" && isRocm) lines.push(`  ${ofCompiling}`);
  if (step.leftBehind) lines.push(`  it left ${plural(step.leftBehind, "process")} behind`);
  if (step.outcome === "over-limit" && step.memoryBytesMax) {
    lines.push(`  most memory seen: ${formatBytes(step.memoryBytesMax)}`);
  }
  for (const { title, certainty, cause } of causes) {
    lines.push(`  cause (${certainty}): ${title}`);
    lines.push(...wrap(cause, out.columns - 4).map((line) => `    ${line}`));
  }
  const excerpt = (name: string, all: readonly string[]) => {
    if (all.length === 0) return;
    const shown = all.map((line) => `    ${line}`.slice(0, out.columns));
    lines.push(`  ${name}:`, ...shown.map((line) => paint(out, "dim", line)));
  };
  excerpt("the kernel's log", kernelLines.slice(-kernelLinesMax));
  excerpt("it wrote", isWrong || text === "" ? [] : tellingLines(text));
  return lines.map((line) => `${line}\n`);
}

/** The end of what a program wrote; of a crash its message, behind which stands the whole stack. */
function tellingLines(text: string): string[] {
  const lines = text.split("\n");
  const crash = lines.findIndex((line) => line.startsWith("Fatal Python error"));
  return crash < 0 ? lines.slice(-textLinesMax) : lines.slice(crash, crash + textLinesMax);
}

function changes({ attempts, changes }: Search, out: Output): string[] {
  const rows = attempts.map(({ experiment, switch: name, outcome, detail }) => [
    experiment,
    name,
    outcome === "passed" ? "passed" : `${shown(outcome)}: ${detail}`,
  ]);
  const lines = [
    paint(out, "bold", attempts.length > 0 ? "Changes that were tried" : "Changes"),
    ...(attempts.length > 0
      ? table([["experiment", "change", "outcome"], ...rows], "lll")
      : []
    ).map((line) => `  ${line}`),
    ...(attempts.length > 0 ? [""] : []),
  ];
  const helpful = new Map(changes.flatMap((c) => (c.line ? [[c.line, c] as const] : [])));
  for (const [line, { what, cost }] of helpful) {
    const helped = changes.filter((change) => change.line === line).map((c) => c.experiment);
    lines.push(
      `${paint(out, "green", "Helps")}: ${what}`,
      `  add:    ${paint(out, "bold", line)}`,
      `  cost:   ${cost}`,
      ...wrap(helped.join(", "), out.columns - 10).map(
        (text, i) => `  ${i === 0 ? "mends:  " : "        "}${text}`,
      ),
    );
  }
  const rest = changes.filter((change) => !change.line);
  const named = (some: Search["changes"]) => some.map((change) => change.experiment).join(", ");
  const helpless = rest.filter(({ cutShort }) => cutShort === undefined);
  if (helpless.length > 0) lines.push(`No change that is known helps: ${named(helpless)}`);
  for (const reason of new Set(rest.flatMap(({ cutShort }) => cutShort ?? []))) {
    const open = rest.filter(({ cutShort }) => cutShort === reason);
    lines.push(`Not all changes were tried (${reason}): ${named(open)}`);
  }
  return lines.map((line) => `${line}\n`);
}
