import type { Output } from "../io.ts";
import { paint } from "../io.ts";
import { facts, significant, table } from "../text.ts";
import type { Description, Guess } from "./describe.ts";
import type { Summary } from "./summary.ts";
import { summaryRows } from "./summary.ts";
import type { Verification } from "./verify.ts";

/** A result with everything that is told of it. */
export interface ShownResult {
  readonly picture?: string;
  readonly outputs: readonly Description[];
  /** Files that its pictures were written to. */
  readonly saved: readonly string[];
}

/** The results as text, one block for each. */
export function renderResult(result: ShownResult, out: Output): string {
  const lines: string[] = [];
  if (result.picture !== undefined) lines.push(paint(out, "bold", result.picture));
  const many = result.outputs.length > 1;
  for (const output of result.outputs) {
    if (output.kind === "classes") lines.push(...renderClasses(output, many));
    else lines.push(...renderValues(output));
    if (output.kind === "picture" && result.saved.length === 0) {
      lines.push("    this is a picture: add --save FILE.png to write it");
    }
  }
  for (const path of result.saved) lines.push(`  written to ${path}`);
  return `${lines.join("\n")}\n`;
}

type Classes = Extract<Description, { kind: "classes" }>;
type Values = Exclude<Description, { kind: "classes" }>;

function renderClasses(output: Classes, withName: boolean): string[] {
  const isScore = output.measure === "score";
  const about = isScore ? `${output.name} (scores, not probabilities)` : output.name;
  const lines = withName || isScore ? [`  ${about}`] : [];
  output.rows.forEach((row, n) => {
    if (output.rows.length > 1) lines.push(`  row ${n}`);
    const cells = row.map((guess) => [valueText(guess, isScore), labelText(guess)]);
    lines.push(...table(cells, "rl").map((line) => `  ${line}`));
  });
  return lines;
}

function valueText({ value }: Guess, isScore: boolean): string {
  return isScore ? significant(value) : `${(100 * value).toFixed(2)} %`;
}

function labelText({ label, class: index }: Guess): string {
  return label ? label : `class ${index}`;
}

function renderValues(output: Values): string[] {
  const shape = output.dims.length === 0 ? "scalar" : output.dims.join("x");
  const first = output.first.map(significant).join(" ");
  const more = output.first.length < output.dims.reduce((a, d) => a * d, 1) ? " ..." : "";
  const lines = [`  ${output.name}  ${output.dtype} ${shape}`];
  if (output.first.length === 0) return lines;
  const range = `min ${significant(output.min)}, max ${significant(output.max)}`;
  lines.push(`    ${range}, mean ${significant(output.mean)}`, `    first ${first}${more}`);
  if (output.notFinite > 0) lines.push(`    ${output.notFinite} values are NaN or infinite`);
  return lines;
}

/** Cost and origin of a run as text. */
export function renderSummary(summary: Summary, verified: Verification | null, out: Output) {
  const rows = summaryRows(summary);
  if (verified) {
    const { against, tolerance, passed } = verified;
    const verdict = passed ? "equal" : "NOT EQUAL";
    rows.push(["verify", `${verdict} to ${against} within ${significant(tolerance)}`]);
    for (const { name, relativeL2, largestAbsolute } of verified.outputs) {
      const [relative, absolute] = [relativeL2, largestAbsolute].map(significant);
      rows.push(["", `${name}: relative L2 error ${relative}, largest absolute ${absolute}`]);
    }
  }
  return `${facts(rows, out.columns).join("\n")}\n`;
}
