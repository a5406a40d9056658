import type { Command } from "commander";
import { examine, type Facts, parseFacts } from "../doctor/index.ts";
import { RekindleError } from "../errors.ts";
import { explain, type Log, patterns } from "../explain/index.ts";
import { fileChunks, standardInput } from "../host/index.ts";
import { Ending } from "./ending.ts";
import { renderExplanation, renderPatterns } from "./explain-text.ts";
import type { Io } from "./io.ts";
import { progressLine } from "./progress.ts";

const description = `name the cause that a crash log shows

Reads what a program printed, a Python traceback, MIOpen's or HIP's log, dmesg,
journalctl, or a whole forum post. Several files are weighed as one: pass the
traceback and the kernel's log of the same crash.`;

const help = `
Exit codes: 0 nothing wrong, or harmless messages alone; 1 a cause was found, or
the text looks like a failure that is not known; 2 the text could not be read.

Examples:
  rekindle explain crash.log
  python train.py 2>&1 | rekindle explain -
  rekindle explain crash.log dmesg.txt --here    with what is known of this machine
  rekindle explain --list                        all messages that are known`;

interface ExplainOptions {
  readonly json?: boolean;
  readonly facts?: string;
  readonly here?: boolean;
  readonly list?: boolean;
}

/** `rekindle explain`. `input` is what "-" reads. */
export function addExplain(program: Command, io: Io, input = standardInput): void {
  program
    .command("explain")
    .description(description)
    .argument("[FILE...]", "logs; - or none: standard input")
    .option("--facts <FILE>", "judge with the facts of a machine (rekindle doctor --save-facts)")
    .option("--here", "judge with the facts of this machine: the log comes from it")
    .option("--list", "list all messages that are known")
    .option("--json", "print JSON (docs/explain.md describes it)")
    .addHelpText("after", help)
    .action((files: string[], options: ExplainOptions) => runExplain(files, options, io, input));
}

async function runExplain(
  files: readonly string[],
  options: ExplainOptions,
  io: Io,
  input: typeof standardInput,
): Promise<void> {
  const { out } = io;
  if (options.list) {
    const listed = patterns.map(({ id, family, role, title }) => ({ id, family, role, title }));
    out.write(options.json ? json(listed) : renderPatterns(listed, out));
    return;
  }
  if (options.here && options.facts !== undefined) {
    throw new RekindleError("usage", "--here and --facts exclude each other", {
      fix: "--here for a log of this machine, --facts for one of another",
    });
  }
  const logs = await logsOf(files.length === 0 ? ["-"] : files, io, input);
  const explanation = await explain(logs, await factsFor(options, io));
  out.write(options.json ? json(explanation) : renderExplanation(explanation, out));
  const { verdict } = explanation;
  if (verdict === "found" || verdict === "unknown") throw new Ending("found");
}

async function logsOf(
  files: readonly string[],
  { host }: Io,
  input: typeof standardInput,
): Promise<Log[]> {
  const logs: Log[] = [];
  for (const file of files) {
    if (file !== "-") {
      logs.push({ name: file, chunks: fileChunks(await host.checkFile(file, "log")) });
      continue;
    }
    const chunks = input();
    if (!chunks || logs.some(({ name }) => name === "standard input")) {
      throw new RekindleError("usage", chunks ? "- is given twice" : "there is no log to read", {
        fix: "pass a file, or pipe text in: python train.py 2>&1 | rekindle explain -",
      });
    }
    logs.push({ name: "standard input", chunks });
  }
  return logs;
}

async function factsFor({ here, facts }: ExplainOptions, io: Io): Promise<Facts | undefined> {
  if (facts !== undefined) {
    return parseFacts(Buffer.from(await io.host.readFile(facts, "facts")).toString("utf8"), facts);
  }
  if (!here) return undefined;
  const line = progressLine(io, true);
  try {
    line.show("looking at the machine ...");
    return await examine(io.host);
  } finally {
    line.clear();
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
