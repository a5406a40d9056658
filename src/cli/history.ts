import type { Command } from "commander";
import { damagedFixes, fixNamed, type PastFix, pastFixes, touchesOf } from "../remedies/index.ts";
import { type Io, type Output, paint } from "./io.ts";
import { table } from "./text.ts";

const help = `
Examples:
  rekindle history
  rekindle history 2026-11-20-1      its steps, and where its files are kept`;

/** `rekindle history`. */
export function addHistory(program: Command, io: Io): void {
  program
    .command("history")
    .summary("list what rekindle fix did here")
    .description("Lists what rekindle fix did on this machine, the newest first")
    .argument("[id]", "show one with its steps")
    .option("--json", "print JSON")
    .addHelpText("after", help)
    .action(async (id: string | undefined, { json }: { readonly json?: boolean }) => {
      const past = await pastFixes(io.host);
      const chosen = id === undefined ? past : [fixNamed(id, past)];
      if (json) io.out.write(`${JSON.stringify(chosen.map(plain), null, 2)}\n`);
      else io.out.write(id === undefined ? renderList(past) : renderOne(chosen[0]!, io.out));
      for (const folder of await damagedFixes(io.host)) {
        io.err.write(`${paint(io.err, "yellow", "note")}: the journal in ${folder} is damaged\n`);
      }
    });
}

const meaning = {
  worked: "in place, verified",
  unproven: "in place, not proven",
  "rolled-back": "failed, as before",
  undone: "taken back",
} as const;

const outcomeOf = ({ state }: PastFix) =>
  state.outcome
    ? meaning[state.outcome]
    : state.back
      ? "half taken back"
      : hasFailed(state)
        ? "failed, left as it is: --resume or undo"
        : "open: --resume or undo";

const hasFailed = ({ why, proofs }: PastFix["state"]) =>
  why !== undefined || proofs.some(({ answer }) => answer === "failed");

function plain({ id, folder, state }: PastFix) {
  const { steps, ...rest } = state;
  return { id, folder, ...rest, steps: Object.fromEntries(steps) };
}

function renderList(past: readonly PastFix[]): string {
  if (past.length === 0) return "Nothing was done by rekindle fix here.\n";
  const rows = past.map((one) => [
    one.id,
    one.state.plan.remedy,
    one.state.startedAt.slice(0, 16).replace("T", " "),
    outcomeOf(one),
  ]);
  return `${table(rows, "llll").join("\n")}\n`;
}

function renderOne(one: PastFix, out: Output): string {
  const { plan, steps, proofs, why } = one.state;
  const lines = [`${paint(out, "bold", one.id)}: ${plan.remedy}, ${outcomeOf(one)}`];
  for (const [i, step] of plan.steps.entries()) {
    lines.push(`${i + 1}. ${step.does}: ${steps.get(step.id)?.status ?? "not begun"}`);
    lines.push(...touchesOf(step).map((path) => `   touches ${path}`));
  }
  lines.push(...proofs.map(({ what, answer, detail }) => `${what}: ${answer} (${detail})`));
  if (why !== undefined) lines.push(`It failed: ${why}`);
  lines.push(`Journal, output and kept files: ${one.folder}`);
  return `${lines.join("\n")}\n`;
}
