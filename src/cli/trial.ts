import { type Command, Option } from "commander";
import { RekindleError } from "../errors.ts";
import {
  chosenExperiments,
  earlierKillers,
  findPython,
  journalsIn,
  newestUnfinished,
  newJournalPath,
  orderIn,
  outcomeMeaning,
  type Risk,
  runTrial,
  settle,
  stateFolder,
  type TargetName,
  type TrialOrder,
  targetNames,
  targetOf,
} from "../trial/index.ts";
import { Ending } from "./ending.ts";
import { whileInterruptible } from "./interrupt.ts";
import { type Io, paint } from "./io.ts";
import { progressLine } from "./progress.ts";
import { renderList, renderTrial } from "./trial/text.ts";

const description = `try step by step what crashes, where it can die alone

Runs small experiments from a tensor to a network, each in a process of its own
with limits of time, memory and processor time, and compares their numbers with
those of the CPU. Each is written down before it begins: after a crash of the
machine, the next trial knows which one it was. For PyTorch, the smallest known
change is then looked for that makes failing experiments pass.`;

const help = `
Exit codes: 0 all that ran passed, 1 something failed, 2 could not do the job,
or nothing could be tried.

Examples:
  rekindle trial                                 the PyTorch that python starts
  rekindle trial --python ~/venv/bin/python --only conv/
  rekindle trial --risk hang --yes               also what may hang the GPU
  rekindle trial --resume                        go on after a crash of the machine
  rekindle trial --target engine                 the same with this project's engine`;

interface TrialCliOptions {
  readonly target?: TargetName;
  readonly python?: string;
  readonly device?: string;
  readonly risk?: Exclude<Risk, "refused">;
  readonly yes?: boolean;
  readonly only?: readonly string[];
  readonly search: boolean;
  readonly list?: boolean;
  readonly resume?: boolean;
  readonly again?: boolean;
  readonly journal?: string;
  readonly json?: boolean;
}

/** `rekindle trial`. */
export function addTrial(program: Command, io: Io): void {
  program
    .command("trial")
    .description(description)
    .addOption(
      new Option("--target <NAME>", "what to try (default: torch where there is one)").choices(
        targetNames,
      ),
    )
    .option("--python <PROGRAM>", "the Python that has torch")
    .option("--device <NAME>", "torch's device (\"cuda:1\"), or the engine's adapter")
    .addOption(
      new Option("--risk <RISK>", "the greatest risk to take (default: crash)").choices([
        "safe",
        "crash",
        "hang",
      ]),
    )
    .option("--yes", "agree to what may hang or reset the GPU; save your work before")
    .option("--only <PART...>", "experiments whose ids contain one of these")
    .option("--no-search", "do not look for changes that help")
    .option("--resume", "go on with the last trial that did not come to its end")
    .option("--again", "repeat what hung or rebooted the machine")
    .option("--journal <FILE>", "write the journal to this file, or resume from it")
    .option("--list", "list the experiments and what each proves")
    .option("--json", "print JSON (docs/trial.md describes it)")
    .addHelpText("after", help)
    .action((options: TrialCliOptions) => perform(options, io));
}

async function perform(options: TrialCliOptions, io: Io): Promise<void> {
  const { host, out } = io;
  const folder = await stateFolder(host, "trials");
  const resumed = options.resume ? await journalToResume(options, folder, io) : undefined;
  const order = resumed ? await orderIn(host, resumed) : await newOrder(options, io);
  const { target } = await targetOf(host, order.target, order.python);
  if (options.list) {
    const listed = chosenExperiments(target, order).map(({ id, proves, risk }) => ({
      id,
      proves,
      risk,
    }));
    out.write(options.json ? json(listed) : renderList(listed));
    return;
  }
  if (order.risk === "hang" && !options.yes && !resumed) {
    throw new RekindleError("usage", "--risk hang includes what may hang or reset the GPU", {
      fix: "save your work, then add --yes",
    });
  }
  const journal = resumed ?? (await newJournal(options, folder, io));
  const earlier = await journalsIn(host, folder);
  const killers = options.again ? [] : await earlierKillers(host, earlier, order.subject);
  const line = progressLine(io, true);
  const report = await whileInterruptible((signal) =>
    runTrial(target, order, {
      host,
      journal,
      killers: new Set(killers),
      repeat: options.again ?? false,
      signal,
      onProgress: ({ id, done, total }) =>
        line.show(`${total === undefined ? `change ${done + 1}` : `${done}/${total}`}: ${id} ...`),
    }),
  ).finally(() => line.clear());
  out.write(options.json ? json(report) : renderTrial(report, out));
  const { passed, failed } = report.counts;
  if (!report.isComplete || passed + failed === 0) throw new Ending("failed");
  if (failed > 0) throw new Ending("found");
}

async function newOrder(options: TrialCliOptions, { host }: Io): Promise<TrialOrder> {
  const { python, device, risk = "crash", only = [], search } = options;
  const hasTorch = python !== undefined || (await findPython(host, undefined)) !== undefined;
  const name = options.target ?? (hasTorch ? "torch" : "engine");
  if (python !== undefined && name !== "torch") {
    throw new RekindleError("usage", `--target ${name} takes no --python`, {
      fix: "leave one of them out: --python is about PyTorch",
    });
  }
  const { target, subject } = await targetOf(host, name, python);
  return {
    target: name,
    subject,
    risk,
    only: [...only],
    search,
    ...(target.name === "torch" && { python: target.python }),
    ...(device !== undefined && { device }),
  };
}

async function journalToResume(
  { journal }: TrialCliOptions,
  folder: string,
  { host }: Io,
): Promise<string> {
  if (journal !== undefined) return await host.checkFile(journal, "journal");
  const found = await newestUnfinished(host, await journalsIn(host, folder));
  if (found) return found;
  throw new RekindleError("usage", `no trial in ${folder} is left to go on with`, {
    fix: "start a new one, without --resume",
  });
}

/** A path for a new journal; what was left open by a crash gets its result first. */
async function newJournal(options: TrialCliOptions, folder: string, io: Io): Promise<string> {
  const { host, err } = io;
  if (options.journal !== undefined) {
    if (!(await host.exists(options.journal))) return host.resolve(options.journal);
    throw new RekindleError("usage", `the journal ${options.journal} exists`, {
      fix: "add --resume to go on with it, or name a new file",
    });
  }
  const open = await newestUnfinished(host, await journalsIn(host, folder));
  const settled = open && (await settle(host, open));
  if (settled) {
    const { step, result } = settled;
    err.write(
      `${paint(err, "yellow", "note")}: the last trial ended during ${step}: ` +
        `${outcomeMeaning[result.outcome]}. --resume goes on with that one.\n`,
    );
  }
  return await newJournalPath(host, folder);
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
