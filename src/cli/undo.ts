import { join } from "node:path";
import type { Command } from "commander";
import { RekindleError } from "../errors.ts";
import { keep, placed } from "../host/index.ts";
import {
  Fix,
  fixNamed,
  irreversible,
  type PastFix,
  pastFixes,
  sharesFiles,
  shownCommand,
} from "../remedies/index.ts";
import { endAs, renderOutcome } from "./fix/outcome.ts";
import { watchFix } from "./fix/watch.ts";
import { type Io, paint } from "./io.ts";

const description = `Takes a fix back: every file as it was, byte for byte, with its metadata

Without --yes it shows what would be put back and stops. What could not be
undone was announced before the fix, and is named again.`;

const help = `
Exit codes: 0 shown or taken back, 2 could not do the job.

Examples:
  rekindle undo                    the last fix: shows what would be put back
  rekindle undo --yes
  rekindle undo 2026-11-20-1 --yes`;

interface UndoOptions {
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `rekindle undo`. */
export function addUndo(program: Command, io: Io): void {
  program
    .command("undo")
    .summary("take a fix back")
    .description(description)
    .argument("[id]", "the fix, as rekindle history lists it (default: the last one)")
    .option("--yes", "do it")
    .option("--force", "also put back files that were changed since; they are kept beside")
    .option("--json", "print JSON")
    .addHelpText("after", help)
    .action((id: string | undefined, options: UndoOptions) => runUndo(id, options, io));
}

async function runUndo(wanted: string | undefined, options: UndoOptions, io: Io): Promise<void> {
  const past = await pastFixes(io.host);
  const changes = (one: PastFix) => isThere(one) && one.state.plan.steps.length > 0;
  const chosen = wanted === undefined ? past.find(changes) : fixNamed(wanted, past);
  if (!chosen || !isThere(chosen)) {
    const what = chosen ? `${chosen.id} is taken back already` : "there is nothing to take back";
    throw new RekindleError("usage", what, { fix: "rekindle history lists what was done" });
  }
  refuseBelowNewer(chosen, past);
  const watch = watchFix(io);
  const fix = await Fix.open({
    machine: io.host,
    folder: chosen.folder,
    signal: new AbortController().signal,
    onEvent: watch.onEvent,
    prove: async () => [],
  });
  try {
    const changed = chosen.state.back === undefined ? await fix.changedSince() : [];
    if (!options.yes) {
      showUndo(chosen, changed, io);
      return;
    }
    await checkChanged(changed, chosen, options);
    const result = await fix.undo();
    watch.clear();
    const { id, folder, state } = chosen;
    const { outcome, notUndone = [] } = result;
    const told = { id, folder, remedy: state.plan.remedy, result, notes: [] };
    io.out.write(
      options.json
        ? `${JSON.stringify({ schema: "rekindle-undo/1", id, outcome, notUndone }, null, 2)}\n`
        : renderOutcome(told, io.out),
    );
    if (result.outcome !== "rolled-back") endAs(result);
  } finally {
    watch.clear();
    fix.close();
  }
}

const isThere = ({ state }: PastFix) =>
  state.outcome === undefined || state.outcome === "worked" || state.outcome === "unproven";

/** What a later fix kept is what this one left: they are taken back in reverse. */
function refuseBelowNewer(chosen: PastFix, past: readonly PastFix[]): void {
  const newer = past.slice(0, past.indexOf(chosen)).filter(isThere);
  const later = newer.find(({ state }) => sharesFiles(state.plan, chosen.state.plan));
  if (!later) return;
  throw new RekindleError("usage", `${later.id} changed the same files after ${chosen.id}`, {
    fix: `take that back first: rekindle undo ${later.id}`,
  });
}

async function checkChanged(
  changed: readonly string[],
  { folder, state }: PastFix,
  { force }: UndoOptions,
): Promise<void> {
  if (changed.length > 0 && !force) {
    throw new RekindleError("usage", `${changed.join(", ")} was changed since`, {
      fix: "--force puts it back as it was before the fix, and keeps the present one beside",
    });
  }
  for (const [i, path] of changed.entries()) {
    await keep(placed(state.root, path), join(folder, "changed-since"), `${i}`);
  }
}

function showUndo({ id, state }: PastFix, changed: readonly string[], { out }: Io): void {
  const { plan, steps } = state;
  const lines = [`${paint(out, "bold", id)}: ${plan.remedy}, of ${state.startedAt}`];
  for (const step of plan.steps.toReversed()) {
    const status = steps.get(step.id)?.status;
    if (status === undefined || status === "was-done" || status === "taken-back") continue;
    lines.push("", `take back: ${step.does}`);
    const commands = step.kind === "run" ? (step.undo ?? []) : [];
    lines.push(...commands.map((command) => `   $ ${shownCommand(command)}`));
    for (const one of steps.get(step.id)!.kept) {
      const is = one.kind === "absent" ? "removes" : "puts back";
      lines.push(`   ${is} ${one.path}`);
    }
  }
  lines.push(...irreversible(plan).map((text) => `${paint(out, "red", "not undone")}: ${text}`));
  for (const path of changed) {
    lines.push(`${paint(out, "yellow", "changed since")}: ${path}; --force puts it back anyway`);
  }
  lines.push("", `Nothing was changed. To do it: rekindle undo ${id} --yes`);
  out.write(`${lines.join("\n")}\n`);
}
