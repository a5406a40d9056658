import { join } from "node:path";
import type { FixResult, Proof } from "../../remedies/index.ts";
import { Ending } from "../ending.ts";
import { type Output, paint } from "../io.ts";
import { wrap } from "../text.ts";

/** What is told of a fix at its end. */
export interface Told {
  readonly id: string;
  readonly folder: string;
  readonly remedy: string;
  readonly result: FixResult;
  /** The remedy to try next, where this one failed. */
  readonly next?: string;
  /** What to do with what was installed. */
  readonly notes: readonly string[];
}

/** The end of a fix, for a person. */
export function renderOutcome(told: Told, out: Output): string {
  const { id, folder, remedy, result, next, notes } = told;
  const columns = Math.min(out.columns, 100) - 1;
  const log = `The whole output: ${join(folder, "log.txt")}`;
  const lines: string[] = [];
  switch (result.outcome) {
    case "worked":
      lines.push(paint(out, "green", `DONE  ${remedy} is in place${verified(result)} (${id})`));
      lines.push(...result.proofs.map(proofLine), ...notes);
      break;
    case "unproven":
      lines.push(paint(out, "yellow", `DONE, NOT PROVEN  ${remedy} is in place (${id})`));
      lines.push(...result.proofs.map(proofLine), ...notes);
      lines.push(`To take it back: rekindle undo ${id} --yes`);
      break;
    case "rolled-back":
      lines.push(paint(out, "red", `FAILED  ${remedy}: ${asBefore(result)} (${id})`));
      lines.push(...notUndone(result, out));
      lines.push(...failureLines(result, columns), log);
      lines.push(next ? `Next best: rekindle fix ${next}` : "Other ways: rekindle plan");
      break;
    case "kept":
      lines.push(paint(out, "red", `FAILED  ${remedy}: what is done so far is left (${id})`));
      lines.push(...failureLines(result, columns), log);
      lines.push(`To go on, once the cause is removed: rekindle fix --resume ${id}`);
      lines.push(`To take it back: rekindle undo ${id} --yes`);
      lines.push(next ? `Next best: rekindle fix ${next}` : "Other ways: rekindle plan");
      break;
    case "undone":
      lines.push(paint(out, "green", `UNDONE  ${remedy}: ${asBefore(result)} (${id})`));
      lines.push(...notUndone(result, out));
      break;
    case "stopped":
      lines.push(paint(out, "yellow", `STOPPED  ${remedy} (${id})`));
      lines.push(`To go on: rekindle fix --resume ${id}`, `To take it back: rekindle undo ${id}`);
      break;
    case "restart":
      lines.push(paint(out, "yellow", `RESTART  ${remedy} (${id})`));
      lines.push(`Restart the machine, then: rekindle fix --resume ${id}`);
  }
  return `${lines.flatMap((line) => wrap(line, columns)).join("\n")}\n`;
}

const asBefore = ({ notUndone = [] }: FixResult) =>
  notUndone.length === 0
    ? "everything is as it was before"
    : "all that can be undone is as it was before";

const notUndone = ({ notUndone: sentences = [] }: FixResult, out: Output) =>
  sentences.map((text) => `${paint(out, "red", "not undone")}: ${text}`);

const verified = ({ proofs }: FixResult) => (proofs.length > 0 ? " and verified" : "");

const marks = { passed: "passed", failed: "failed", "not-run": "could not be tried" } as const;

const proofLine = ({ what, answer, detail }: Proof) => `${what}: ${marks[answer]} (${detail})`;

function failureLines({ failure }: FixResult, columns: number): string[] {
  if (!failure) return [];
  const { does, why, causes, lines } = failure;
  return [
    `It failed to ${does}: ${why}.`,
    ...causes.map(({ title, cause }) => `Cause: ${title}. ${cause}`),
    ...lines.map((line) => `  | ${line.slice(0, columns - 4)}`),
  ];
}

/** Ends a command as its fix ended: 3 where it was rolled back. */
export function endAs({ outcome }: FixResult): void {
  if (outcome === "rolled-back") throw new Ending("rolledBack");
  if (outcome === "unproven" || outcome === "restart") throw new Ending("found");
  if (outcome === "stopped" || outcome === "kept") throw new Ending("failed");
}
