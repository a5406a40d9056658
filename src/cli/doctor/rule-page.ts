import {
  type DoctorReport,
  type ReportedFinding,
  type Rule,
  sentence,
} from "../../doctor/index.ts";
import { type Output, paint } from "../io.ts";
import { facts, table, wrap } from "../text.ts";

const severityMeaning = {
  blocks: "Conv2d in PyTorch does not run",
  slows: "it runs, but slowly or not in every case",
  note: "good to know, nothing is wrong",
} as const;

const certaintyMeaning = {
  confirmed: "read in source code, or said by the makers",
  reported: "users say so",
  inferred: "concluded from sources; nobody reports it",
} as const;

/** All rules, one line each. */
export function renderRules(rules: readonly Rule[]): string {
  const rows = rules.map(({ severity, id, title }) => [severity, id, title]);
  return `${table([["severity", "rule", "title"], ...rows], "lll").join("\n")}\n`;
}

/** How a rule is answered on a machine. */
function answerTo({ id }: Rule, { findings, unknown }: DoctorReport) {
  const found = findings.find((finding) => finding.rule === id);
  return { found, open: unknown.find((finding) => finding.rule === id) };
}

/** One rule and its answer as data; `answer` is "found", "unknown" or "clear". */
export function ruleData(rule: Rule, report: DoctorReport) {
  const { id, title, severity, certainty, howToFindOut, sources } = rule;
  const { found, open } = answerTo(rule, report);
  const answer = found ? "found" : open ? "unknown" : "clear";
  const finding = found ?? open ?? null;
  return { rule: id, title, severity, certainty, answer, finding, howToFindOut, sources };
}

/** One rule, and how it is answered on a machine: with which facts, and what to do. */
export function renderRule(rule: Rule, report: DoctorReport, out: Output): string {
  const { found, open } = answerTo(rule, report);
  const answer = found ? "found" : open ? "cannot be said: facts are missing" : "clear";
  const lines = [
    paint(out, "bold", rule.title),
    "",
    ...facts(
      [
        ["rule", rule.id],
        ["severity", `${rule.severity}: ${severityMeaning[rule.severity]}`],
        ["certainty", `${rule.certainty}: ${certaintyMeaning[rule.certainty]}`],
        ["here", answer],
      ],
      out.columns,
    ),
  ];
  const finding = found ?? open;
  if (finding) lines.push(...caseLines(finding, out));
  lines.push("", "To see what it asks:", ...rule.howToFindOut.map((line) => `  $ ${line}`));
  lines.push("", "Sources:");
  for (const { title, at, date } of rule.sources) {
    lines.push(...wrap(`${title} (${at}, ${date})`, out.columns - 2).map((line) => `  ${line}`));
  }
  return `${lines.join("\n")}\n`;
}

function caseLines({ cases }: ReportedFinding, out: Output): string[] {
  return cases.flatMap(({ why, facts: deciding, remedies }) => [
    "",
    ...wrap(sentence(why), out.columns),
    ...facts(
      deciding.map(({ key, value }) => [`  ${key}`, shown(value)]),
      out.columns,
    ),
    ...remedies.flatMap(({ does, commands }) => [
      ...wrap(`To ${does}:`, out.columns),
      ...commands.map((line) => `  $ ${line}`),
    ]),
  ]);
}

/** A fact's value, cut off where it is long. */
function shown(value: unknown): string {
  if (value === undefined) return "(not known)";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 300 ? `${text.slice(0, 300)} ...` : text;
}
