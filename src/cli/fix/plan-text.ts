import {
  certaintyWords,
  costText,
  headingOf,
  overviewOf,
  type PlanReport,
  type ReportedRemedy,
  wantWords,
} from "../../remedies/index.ts";
import { type Output, paint } from "../io.ts";
import { facts, table, wrap } from "../text.ts";

/** The recommendation, then every remedy. */
export function renderPlan(report: PlanReport, out: Output): string {
  const { card, verdict, works, summary, ways, cleanUps, leftOut, experts, wishes } = report;
  const columns = Math.min(out.columns, 100) - 1;
  const title = (text: string) => ["", paint(out, "bold", text)];
  const lines = [`${card}; for ${wantWords[wishes.want]}`];
  if (!works) lines.push(...wrap(verdict, columns));
  lines.push("", paint(out, works ? "green" : "yellow", headingOf(report).toUpperCase()));
  lines.push(...facts(summary, columns - 2).map((line) => `  ${line}`));
  if (ways.length > 0) lines.push(...title("Ways, the best first"));
  lines.push(...(ways.length > 0 ? table(overviewOf(ways), "rlllllrrl").map(indented) : []));
  for (const [i, way] of ways.entries()) lines.push(...details(way, i, out, columns));
  if (cleanUps.length > 0) lines.push(...title("Clean-ups that come first"));
  for (const one of cleanUps) lines.push(...details(one, undefined, out, columns));
  if (leftOut.length > 0) lines.push(...title("Not here, or not wanted"));
  for (const [reasons, ids] of byReasons(leftOut)) {
    lines.push(...hanging(`${ids.join(", ")}: ${reasons}`, columns, "  "));
  }
  if (experts.length > 0) lines.push(...title("For experts, by name alone"));
  for (const { id, title: what } of experts) lines.push(`  ${id}: ${what}`);
  lines.push("", paint(out, "dim", "What one would do, step by step: rekindle fix REMEDY"));
  return `${lines.join("\n")}\n`;
}

const indented = (line: string) => `  ${line}`;

/** One line for all that the same stands against. */
function byReasons(remedies: readonly ReportedRemedy[]): Map<string, string[]> {
  const grouped = new Map<string, string[]>();
  for (const { id, reasons } of remedies) {
    const why = reasons.join("; ");
    grouped.set(why, [...(grouped.get(why) ?? []), id]);
  }
  return grouped;
}

function details(
  remedy: ReportedRemedy,
  place: number | undefined,
  out: Output,
  columns: number,
): string[] {
  const { id, gives, certainty, evidence, sources, cost, changes, risks } = remedy;
  const { lower, obstacles, byHand } = remedy;
  const mark = place === undefined ? "-" : `${place + 1}`;
  const [source] = sources;
  const rows = [
    `Gives: ${gives}`,
    `${certaintyWords[certainty]}: ${evidence} (${source!.at}, ${source!.date})`,
    `Takes: ${costText(cost)}`,
    `Changes: ${changes.join(" ")}`,
    ...(risks.length > 0 ? [`Can go wrong: ${risks.join(" ")}`] : []),
    ...(lower === undefined ? [] : [`Ranks lower: ${lower}`]),
    ...obstacles.map(({ does, why, commands }) =>
      commands.length > 0 ? `First: ${does} (${commands.join("; ")}). ${why}` : `First: ${why}`,
    ),
    ...(byHand ? [`By hand: ${byHand.join("; then ")}`] : []),
  ];
  return [
    "",
    `${mark} ${paint(out, "bold", remedy.title)} (${id})`,
    ...rows.flatMap((row) => hanging(row, columns, "  ")),
  ];
}

/** A text behind an indent, its further lines one step deeper. */
function hanging(text: string, columns: number, indent: string): string[] {
  return wrap(text, columns - indent.length - 2).map(
    (line, i) => indent + (i === 0 ? "" : "  ") + line,
  );
}
