import type { Host } from "../../host/index.ts";
import {
  irreversible,
  nameOf,
  type OnFailure,
  type Plan,
  type Remedy,
  type Step,
  shownCommand,
  touchesOf,
} from "../../remedies/index.ts";
import { type Output, paint } from "../io.ts";
import { plural, wrap } from "../text.ts";
import { lineDiff } from "./line-diff.ts";

/** Everything that a plan would do: exact commands, files, differences, what cannot be undone. */
export async function renderPreview(
  remedy: Remedy,
  plan: Plan,
  onFailure: OnFailure,
  host: Host,
  out: Output,
): Promise<string> {
  const columns = Math.min(out.columns, 100) - 1;
  const { steps, verification, notes } = plan;
  const lines = [`${paint(out, "bold", remedy.title)} (${remedy.id})`];
  if (steps.length === 0) lines.push("There is nothing to install or to change.");
  for (const [i, step] of steps.entries()) {
    lines.push("", `${i + 1}. ${paint(out, "bold", step.does)}`);
    lines.push(...(await describe(step, host, out)).map((line) => `   ${line}`));
  }
  if (verification.length > 0) lines.push("", paint(out, "bold", "Then it is verified:"));
  for (const one of verification) lines.push(`   ${nameOf(one)}`);
  if (steps.length > 0) {
    lines.push("", paint(out, "bold", "Taking it back:"), ...undoing(plan, out));
    lines.push("", paint(out, "bold", "Where it fails:"), `   ${fates[onFailure]}`);
  }
  lines.push("");
  for (const text of [...notes, ...remedy.risks]) lines.push(...wrap(`- ${text}`, columns));
  return `${lines.join("\n")}\n`;
}

/** What only a person can do. */
export function renderByHand({ id, title, byHand = [], risks }: Remedy, out: Output): string {
  const columns = Math.min(out.columns, 100) - 4;
  const steps = byHand.flatMap((text, i) =>
    wrap(text, columns).map((line, j) => (j === 0 ? `${i + 1}. ` : "   ") + line),
  );
  const lines = [`${paint(out, "bold", title)} (${id}), by hand:`, "", ...steps, ""];
  for (const text of risks) lines.push(...wrap(`- ${text}`, columns));
  return `${lines.join("\n")}\n`;
}

function undoing(plan: Plan, out: Output): string[] {
  const final = irreversible(plan);
  if (final.length === 0) return ["   rekindle undo brings back all of it, byte for byte."];
  return final.map((text) => `   ${paint(out, "red", "not undone")}: ${text}`);
}

const fates: Readonly<Record<OnFailure, string>> = {
  rollback: "everything is put back (--on-failure keep leaves what is done, to go on with).",
  keep: "what is done is left, to go on with (--on-failure rollback puts everything back).",
};

async function describe(step: Step, host: Host, out: Output): Promise<string[]> {
  const touched = touchesOf(step).map((path) => `touches ${path}`);
  const needs = (step.needs ?? []).some((need) => "root" in need) ? ["needs root"] : [];
  return [...(await action(step, host, out)), ...touched, ...needs];
}

async function action(step: Step, host: Host, out: Output): Promise<string[]> {
  switch (step.kind) {
    case "run":
      return [
        `$ ${shownCommand(step.command)}`,
        ...(step.undo ?? []).map((command) => `to undo: $ ${shownCommand(command)}`),
      ];
    case "write":
      return await difference(step, host, out);
    case "remove":
      return [`removes ${step.path}`];
    case "copy":
      return [`copies ${step.from} to ${step.to}`];
    case "download":
      return [`downloads ${step.url}`, `SHA-256 ${step.sha256}`];
    case "restart":
      return ["you restart the machine; then: rekindle fix --resume"];
  }
}

const diffMax = 60;

async function difference(
  { path, content, before }: Extract<Step, { kind: "write" }>,
  host: Host,
  out: Output,
): Promise<string[]> {
  const now = before === null ? "" : ((await host.readText(path)) ?? "");
  const lines = lineDiff(now, content);
  const shown = lines.slice(0, diffMax).map((line) => {
    if (line.startsWith("-")) return paint(out, "red", line);
    return line.startsWith("+") ? paint(out, "green", line) : line;
  });
  const rest = lines.length - shown.length;
  return [
    before === null ? `makes ${path}:` : `changes ${path}:`,
    ...shown.map((line) => `  ${line}`),
    ...(rest > 0 ? [`  ... and ${plural(rest, "line")} more`] : []),
  ];
}
