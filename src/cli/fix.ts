import { type Command, Option } from "commander";
import type { Facts } from "../doctor/index.ts";
import { RekindleError } from "../errors.ts";
import { askLine, type Host, rootedHost } from "../host/index.ts";
import {
  Fix,
  fixNamed,
  irreversible,
  isOpen,
  newFixFolder,
  type OnFailure,
  onFailureChoices,
  type PastFix,
  type Plan,
  pastFixes,
  planFor,
  planReport,
  prove,
  type Remedy,
  remedyNamed,
  sharesFiles,
  shownCommand,
  usualOnFailure,
} from "../remedies/index.ts";
import { endAs, renderOutcome, type Told } from "./fix/outcome.ts";
import { renderByHand, renderPreview } from "./fix/preview.ts";
import { watchFix } from "./fix/watch.ts";
import { whileInterruptible } from "./interrupt.ts";
import { type Io, paint } from "./io.ts";
import { examined, factsFrom } from "./machine-facts.ts";
import { namedValue } from "./options.ts";

const summary = "show what a remedy would do, or do it";

const description = `Shows what a remedy would do: exact commands, files, differences; or does it

With --yes it is done: each step is written down before it begins, what it
touches is kept, and at the end a Conv2d and a small network are run in a
process of their own. What fails is put back as it was; of builds that take
hours, what is done is kept, to go on with. Nothing is ever run through a shell,
and no password is asked for.`;

const help = `
Exit codes: 0 shown, or done and verified; 1 done but not proven, or the machine
has to be restarted; 2 could not do the job, stopped, or failed and left as it is;
3 it failed, and everything is as it was before.

Examples:
  rekindle fix amd-wheels                          shows it, changes nothing
  rekindle fix amd-wheels --set channel=nightly --yes
  rekindle fix clear-overrides --step              asks before each step
  rekindle fix --resume                            go on after Ctrl-C or a crash
  rekindle undo                                    take the last one back`;

interface FixCliOptions {
  readonly set?: Readonly<Record<string, string>>;
  readonly yes?: boolean;
  readonly step?: boolean;
  readonly resume?: true | string;
  readonly onFailure?: OnFailure;
  readonly facts?: string;
  readonly root?: string;
  readonly json?: boolean;
}

/** `rekindle fix`. */
export function addFix(program: Command, io: Io): void {
  program
    .command("fix")
    .summary(summary)
    .description(description)
    .argument("[remedy]", "its name, as rekindle plan lists it")
    .option("--set <NAME=VALUE>", "choose an option of the remedy; may be repeated", namedValue)
    .option("--yes", "do it")
    .option("--step", "do it, and ask before each step")
    .option("--resume [ID]", "go on with one that did not come to its end")
    .addOption(
      new Option(
        "--on-failure <WHAT>",
        "put everything back, or keep what is done, to go on",
      ).choices(onFailureChoices),
    )
    .option("--facts <FILE>", "judge by the facts of a file")
    .option("--json", "print JSON (docs/remedies.md describes it)")
    .addOption(
      new Option("--root <FOLDER>", "do it to the system whose files are in a folder").hideHelp(),
    )
    .addHelpText("after", help)
    .action((name: string | undefined, options: FixCliOptions) => runFix(name, options, io));
}

async function runFix(name: string | undefined, options: FixCliOptions, io: Io): Promise<void> {
  const past = await pastFixes(io.host);
  if (options.resume !== undefined) {
    const open = fixToResume(options.resume, past);
    await carryOut({ open, remedy: remedyNamed(open.state.plan.remedy) }, options, io);
    return;
  }
  if (name === undefined) {
    throw new RekindleError("usage", "no remedy is named", {
      fix: "rekindle plan lists them, the best first",
    });
  }
  const remedy = remedyNamed(name);
  if (remedy.byHand && !options.yes && !options.step) {
    const { id, byHand } = remedy;
    const told = options.json
      ? json({ schema: "rekindle-fix/1", outcome: "not-run", id, byHand })
      : renderByHand(remedy, io.out);
    io.out.write(told);
    return;
  }
  refuseIfOpen(past.find((one) => isOpen(one) && one.state.plan.remedy === remedy.id));
  const root = io.host.resolve(options.root ?? "/");
  const host = rootedHost(io.host, root);
  const facts = await factsFor(options, host, io);
  const home = io.host.env.HOME ?? (await io.host.system()).home;
  const plan = await planFor(remedy, { facts, host, home, options: options.set ?? {} });
  for (const text of against(remedy, facts)) {
    io.err.write(`${paint(io.err, "yellow", "against it")}: ${text}\n`);
  }
  if (!options.yes && !options.step) {
    await show({ remedy, plan, facts }, host, options, io);
    return;
  }
  refuseIfOpen(past.find((one) => isOpen(one) && sharesFiles(one.state.plan, plan)));
  // A way that has nothing to install still has to be proven.
  if (plan.steps.length === 0 && remedy.kind !== "way") {
    io.out.write("There is nothing to do.\n");
    return;
  }
  for (const text of irreversible(plan)) {
    io.err.write(`${paint(io.err, "red", "not undone")}: ${text}\n`);
  }
  await carryOut({ plan, remedy, root, facts }, options, io);
}

/** What the facts say against a remedy; whoever names it decides. */
function against({ id }: Remedy, facts: Facts): readonly string[] {
  const { ways, leftOut, experts } = planReport(facts, usualWishes);
  const judged = [...ways, ...leftOut, ...experts].find((one) => one.id === id);
  if (!judged) return [];
  const reasons = judged.answer === "impossible" ? judged.reasons : [];
  const others = judged.obstacles.filter(({ isFinal }) => !isFinal);
  return [...reasons, ...others.map(({ why }) => why)];
}

const usualWishes = { want: "train", fp16: false, noRoot: false, offline: false } as const;

/** What another one left half done is not built upon. */
function refuseIfOpen(open: PastFix | undefined): void {
  if (!open) return;
  const { id, state } = open;
  throw new RekindleError("usage", `${id} (${state.plan.remedy}) is open`, {
    fix: `rekindle fix --resume ${id} goes on with it, rekindle undo ${id} takes it back`,
  });
}

const onFailureFor = (remedy: Remedy, facts: Facts, { onFailure }: FixCliOptions) =>
  onFailure ?? usualOnFailure(remedy, facts);

function fixToResume(wanted: true | string, past: readonly PastFix[]): PastFix {
  const found = wanted === true ? past.find(isOpen) : fixNamed(wanted, past);
  if (found && isOpen(found)) return found;
  throw new RekindleError("usage", `${found ? `${found.id} came to its end` : "nothing is open"}`, {
    fix: "rekindle history lists what was done",
  });
}

async function factsFor(options: FixCliOptions, host: Host, io: Io): Promise<Facts> {
  if (options.facts !== undefined) return await factsFrom(options.facts, io);
  return await examined(host, io);
}

async function show(
  { remedy, plan, facts }: { remedy: Remedy; plan: Plan; facts: Facts },
  host: Host,
  options: FixCliOptions,
  { out }: Io,
): Promise<void> {
  if (options.json) {
    out.write(json({ schema: "rekindle-fix/1", outcome: "not-run", plan }));
    return;
  }
  out.write(await renderPreview(remedy, plan, onFailureFor(remedy, facts, options), host, out));
  if (plan.steps.length === 0 && remedy.kind !== "way") return;
  const what = plan.steps.length > 0 ? "do" : "verify";
  const args = [
    ...["fix", remedy.id],
    ...Object.entries(options.set ?? {}).flatMap(([name, value]) => ["--set", `${name}=${value}`]),
    ...(options.facts === undefined ? [] : ["--facts", options.facts]),
    "--yes",
  ];
  const again = shownCommand({ program: "rekindle", args });
  out.write(`\nNothing was changed. To ${what} it: ${again}\n`);
}

interface Work {
  readonly remedy: Remedy;
  /** One to go on with, or else a new plan. */
  readonly open?: PastFix;
  readonly plan?: Plan;
  readonly root?: string;
  readonly facts?: Facts;
}

async function carryOut(work: Work, options: FixCliOptions, io: Io): Promise<void> {
  const { host, out } = io;
  const { remedy, open, plan, root } = work;
  const seen = rootedHost(host, open?.state.root ?? root ?? "/");
  const facts = work.facts ?? (await factsFor(options, seen, io));
  const folder = open?.folder ?? (await newFixFolder(host, new Date()));
  const watch = watchFix(io);
  const result = await whileInterruptible(async (signal) => {
    const fix = await Fix.open({
      machine: host,
      folder,
      ...(plan && { plan }),
      ...(root !== undefined && { root }),
      facts,
      signal,
      onEvent: watch.onEvent,
      ...(options.step && { confirm }),
      onFailure: onFailureFor(remedy, facts, options),
      prove: (steps, around) =>
        prove(steps, around, { remedy, facts, folder, onProgress: watch.verifying }),
    });
    try {
      return await fix.run();
    } finally {
      fix.close();
    }
  }).finally(watch.clear);
  const id = folder.split(/[\\/]/).at(-1)!;
  const hasFailed = result.outcome === "rolled-back" || result.outcome === "kept";
  const next = hasFailed ? nextBest(facts, remedy, await pastFixes(host)) : undefined;
  const { notes } = open?.state.plan ?? plan!;
  const told: Told = { id, folder, remedy: remedy.id, result, notes, ...(next && { next }) };
  out.write(
    options.json
      ? json({ schema: "rekindle-fix/1", ...told, ...result, plan: open?.state.plan ?? plan })
      : renderOutcome(told, out),
  );
  endAs(result);
}

/** The best way that was not tried in vain before. */
function nextBest(facts: Facts, failed: Remedy, past: readonly PastFix[]): string | undefined {
  // A clean-up has no second best.
  if (failed.kind !== "way") return undefined;
  const tried = past
    .filter(({ state }) => state.outcome === "rolled-back" || state.outcome === undefined)
    .map(({ state }) => state.plan.remedy);
  const { ways } = planReport(facts, usualWishes);
  return ways.find(({ id }) => id !== failed.id && !tried.includes(id))?.id;
}

async function confirm(step: { does: string }, index: number, count: number) {
  const answer = await askLine(`[${index + 1}/${count}] ${step.does}. Do it? [y/n] `);
  return /^y(es)?$/i.test(answer?.trim() ?? "") ? ("go" as const) : ("stop" as const);
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
