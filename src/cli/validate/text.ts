import type { ValidateReport, Verdict } from "../../validate/index.ts";
import { type Output, paint } from "../io.ts";
import { wrap } from "../text.ts";

const colours = { met: "green", "not met": "red", "not shown": "yellow" } as const;

/** A validation as text: each criterion with its verdict, its evidence and what would show it. */
export function renderValidation(report: ValidateReport, out: Output): string {
  const lines = [paint(out, "bold", `${report.subject} on ${report.device}`), ""];
  const indent = " ".repeat(11);
  const add = (text: string, mark: string) => {
    for (const [i, line] of wrap(text, out.columns - indent.length - mark.length).entries()) {
      lines.push(indent + (i === 0 ? mark : " ".repeat(mark.length)) + line);
    }
  };
  for (const { title, verdict, evidence, wouldShow } of report.criteria) {
    lines.push(`${paint(out, colours[verdict], verdict.padEnd(11))}${paint(out, "bold", title)}`);
    for (const sentence of evidence) add(sentence, "- ");
    if (wouldShow !== undefined) add(wouldShow, "to show it: ");
  }
  lines.push("");
  for (const caveat of report.caveats) lines.push(...wrap(`Note: ${caveat}.`, out.columns));
  const count = (verdict: Verdict) => report.criteria.filter((c) => c.verdict === verdict).length;
  lines.push(`${count("met")} met, ${count("not met")} not met, ${count("not shown")} not shown`);
  if (!report.isComplete) lines.push("Stopped before the end.");
  lines.push(paint(out, "dim", `journal: ${report.journal}`));
  return `${lines.join("\n")}\n`;
}
