import { realpathSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { messageOf, RekindleError } from "../errors.ts";
import {
  commandLine,
  dangerOf,
  newJournalPath,
  stateFolder,
  type Target,
  targetNames,
  targetOf,
} from "../trial/index.ts";
import { arm, disarm, full, quick, runValidation } from "../validate/index.ts";
import { Ending } from "./ending.ts";
import { whileInterruptible } from "./interrupt.ts";
import type { Io } from "./io.ts";
import { wholeNumber } from "./options.ts";
import { progressLine } from "./progress.ts";
import { renderValidation } from "./validate/text.ts";

const description = `check the success criteria, each with its evidence

Convolutions without an error, no crash or hang under load, speed within 20 % of
the optimum, stable across reboots, the same bits every time, full models. Each
is met, not met, or not shown, with what would show it. Every part runs in a
process of its own, and its beginning is on disk before.`;

const help = `
Exit codes: 0 no criterion is not met, 1 one is not met, 2 could not do the job.

Examples:
  rekindle validate                              this project's engine
  rekindle validate --target torch:~/venv/bin/python --soak 30m
  rekindle validate --arm 2                      now, and after the next two restarts
  rekindle validate --quick                      a minute or two, without a card
  rekindle validate --json > here.json           for rekindle compare`;

interface ValidateCliOptions {
  readonly target: TargetChoice;
  readonly device?: string;
  readonly soak?: number;
  readonly shapes?: number;
  readonly quick?: boolean;
  readonly arm?: number | true;
  readonly disarm?: boolean;
  /** Set by the service: it removes itself first. */
  readonly armed?: number;
  readonly json?: boolean;
}

interface TargetChoice {
  readonly name: (typeof targetNames)[number];
  readonly python?: string;
}

/** `rekindle validate`. */
export function addValidate(program: Command, io: Io): void {
  program
    .command("validate")
    .description(description)
    .addOption(
      new Option("--target <NAME>", "engine, ort, torch, or torch:PYTHON")
        .argParser(parseTarget)
        .default({ name: "engine" }, "engine"),
    )
    .option("-d, --device <NAME>", "the engine's adapter, or torch's device")
    .option("--soak <TIME>", "how long to load the card: 90s, 30m, 2h (default: 60s)", parseTime)
    .option("--shapes <N>", "convolutions to draw (default: 500)", wholeNumber(1, 100_000))
    .option("--quick", "few shapes, small networks, a short soak")
    .option("--arm [N]", "run it again after the next N restarts (default: 1)", wholeNumber(1, 100))
    .option("--disarm", "take an --arm back")
    .addOption(new Option("--armed <N>").argParser(wholeNumber(0)).hideHelp())
    .option("--json", "print JSON (docs/validate.md describes it)")
    .addHelpText("after", help)
    .action((options: ValidateCliOptions) => perform(options, io));
}

function parseTarget(text: string): TargetChoice {
  const [name = "", ...rest] = text.split(":");
  const python = rest.join(":");
  const known = targetNames.find((one) => one === name);
  if (!known || (python !== "" && known !== "torch")) {
    throw new InvalidArgumentError("It must be engine, ort, torch or torch:PYTHON.");
  }
  return { name: known, ...(python && { python }) };
}

/** A week: longer soaks are asked for by a slip of the finger. */
const soakSecondsMax = 7 * 24 * 3600;

/** Seconds of "90s", "30m", "2h" or "90". */
function parseTime(text: string): number {
  const match = /^(\d{1,6})([smh]?)$/.exec(text);
  const seconds = Number(match?.[1]) * ({ s: 1, m: 60, h: 3600 }[match?.[2] ?? ""] ?? 1);
  if (!match || seconds < 1 || seconds > soakSecondsMax) {
    throw new InvalidArgumentError("It must be a time of at most a week: 90s, 30m, 2h.");
  }
  return seconds;
}

async function perform(options: ValidateCliOptions, io: Io): Promise<void> {
  const { host, out, err } = io;
  if (options.disarm) {
    const wasArmed = await disarm(host);
    out.write(wasArmed ? "nothing runs after a restart any more\n" : "nothing was armed\n");
    return;
  }
  // First of all: should this bring the machine down, the next start must not do so again.
  if (options.armed !== undefined) await disarm(host);
  const { target, subject } = await targetOf(host, options.target.name, options.target.python);
  refuseDanger(target);
  const folder = await stateFolder(host, "validations");
  const defaults = options.quick ? quick : full;
  const extent = {
    ...defaults,
    soakSeconds: options.soak ?? defaults.soakSeconds,
    shapes: options.shapes ?? defaults.shapes,
  };
  const journal = await newJournalPath(host, folder);
  const line = progressLine(io, true);
  const report = await whileInterruptible((signal) =>
    runValidation({
      host,
      target,
      subject,
      ...(options.device !== undefined && { device: options.device }),
      extent,
      quick: options.quick ?? false,
      command: commandLine(wordsFor(options, target)),
      journal,
      signal,
      onProgress: ({ id, done, total }) => line.show(`${done + 1} of ${total}: ${id} ...`),
    }),
  ).finally(() => line.clear());
  out.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : renderValidation(report, out));
  const restarts = options.armed ?? (options.arm === true ? 1 : (options.arm ?? 0));
  if (report.isComplete && restarts > 0) {
    const { path } = await arm(host, armedCommand(options, target, restarts - 1));
    err.write(`armed: it runs again after the next restart (${path})\n`);
    err.write("before anybody logs in only with: loginctl enable-linger\n");
  }
  if (!report.isComplete) throw new Ending("failed");
  if (report.criteria.some(({ verdict }) => verdict === "not met")) throw new Ending("found");
}

/** Code for another card may lock the machine up: `rekindle trial` finds that out with less. */
function refuseDanger(target: Target): void {
  if (target.name !== "torch") return;
  const { risk, why } = dangerOf(target.machine);
  if (risk === "usual") return;
  throw new RekindleError("usage", `not under load: ${why}`, {
    fix: "unset HSA_OVERRIDE_GFX_VERSION first; rekindle doctor says what the card needs",
  });
}

/** The words that ask for the same validation. */
function wordsFor({ device, soak, shapes, quick }: ValidateCliOptions, target: Target): string[] {
  const name = target.name === "torch" ? `torch:${target.python}` : target.name;
  const words = ["validate", "--target", name];
  if (device !== undefined) words.push("--device", device);
  if (soak !== undefined) words.push("--soak", `${soak}s`);
  if (shapes !== undefined) words.push("--shapes", `${shapes}`);
  if (quick) words.push("--quick");
  return words;
}

function armedCommand(options: ValidateCliOptions, target: Target, left: number) {
  const words = wordsFor(options, target);
  const command = [process.execPath, programFile(), ...words, "--armed", `${left}`];
  return { command, what: `rekindle ${words.join(" ")}` };
}

/** The file that this process was started with, links followed. */
function programFile(): string {
  try {
    return realpathSync(process.argv[1]!);
  } catch (cause) {
    throw new RekindleError("internal", `where rekindle lies is not known: ${messageOf(cause)}`);
  }
}
