import { type Command, Option } from "commander";
import {
  type DoctorReport,
  exitCodeOf,
  type Facts,
  isRelevant,
  renderHtml,
  reportOf,
  rules,
  shareable,
} from "../doctor/index.ts";
import { RekindleError } from "../errors.ts";
import { didYouMean, type Host, recordingHost } from "../host/index.ts";
import { keptResults } from "../validate/index.ts";
import { renderRule, renderRules, ruleData } from "./doctor/rule-page.ts";
import { renderScreen } from "./doctor/screen.ts";
import { Ending } from "./ending.ts";
import type { Io } from "./io.ts";
import { examined, factsFrom } from "./machine-facts.ts";

const summary = "find out why PyTorch does not run on this machine's GPU";

const description = `Finds out why PyTorch does not run on this machine's GPU

Looks only: nothing is changed, nothing is loaded, no rights are needed. What
cannot be read is reported as not known, with the command that would tell.`;

const help = `
Exit codes: 0 Conv2d should work, 1 something is in the way, 2 nobody can tell.

Examples:
  rekindle doctor
  rekindle doctor --share --json > report.json    to show it to others
  rekindle doctor --save-facts facts.json         what is known of this machine
  rekindle doctor --facts facts.json              judge it elsewhere
  rekindle doctor --explain no-pcie-atomics       one rule, with its sources`;

interface DoctorOptions {
  readonly json?: boolean;
  readonly html?: string;
  readonly share?: boolean;
  readonly facts?: string;
  readonly saveFacts?: string;
  readonly saveRecording?: string;
  readonly explain?: string;
  readonly list?: boolean;
}

/** `rekindle doctor`. */
export function addDoctor(program: Command, io: Io): void {
  program
    .command("doctor")
    .summary(summary)
    .description(description)
    .option("--json", "print JSON (docs/doctor.md describes it)")
    .option("--html <FILE>", "write the report as one HTML file")
    .option("--share", "leave out names, paths, addresses and serial numbers")
    .option("--explain <RULE>", "tell all about one rule")
    .option("--list", "list all rules")
    .option("--save-facts <FILE>", "write the facts to a file")
    .addOption(
      new Option("--facts <FILE>", "judge facts or a recording from a file").conflicts(
        "saveRecording",
      ),
    )
    .addOption(
      new Option(
        "--save-recording <FILE>",
        "write all that was read, names and all, to replay the probes",
      ).conflicts("share"),
    )
    .addHelpText("after", help)
    .action((options: DoctorOptions) => runDoctor(options, io));
}

async function runDoctor(options: DoctorOptions, io: Io): Promise<void> {
  const { host, out } = io;
  if (options.list) {
    const listed = rules.map(({ id, severity, title }) => ({ id, severity, title }));
    out.write(options.json ? `${JSON.stringify(listed, null, 2)}\n` : renderRules(rules));
    return;
  }
  const rule = options.explain === undefined ? undefined : ruleNamed(options.explain);
  for (const path of [options.html, options.saveFacts, options.saveRecording]) {
    if (path !== undefined) await host.checkWritable(path);
  }
  const gathered = await gather(options, io);
  // Facts of a file are those of another machine.
  const kept = options.facts === undefined ? await keptResults(host) : [];
  const all = { ...gathered, results: kept };
  const { results, ...facts } = options.share ? shareable(all, await personal(options, host)) : all;
  const report = reportOf(facts, results);
  if (options.saveFacts !== undefined) await host.writeFile(options.saveFacts, json(facts));
  if (options.html !== undefined) await host.writeFile(options.html, renderHtml(report));
  if (rule) {
    out.write(options.json ? json(ruleData(rule, report)) : renderRule(rule, report, out));
    return;
  }
  out.write(options.json ? json(report) : renderScreen(report, out));
  end(report);
}

function end(report: DoctorReport): void {
  const code = exitCodeOf(report);
  if (code > 0) throw new Ending(code === 1 ? "found" : "failed");
}

function ruleNamed(id: string) {
  const rule = rules.find((r) => r.id === id);
  if (rule) return rule;
  const near = didYouMean(
    id,
    rules.map((r) => r.id),
  );
  throw new RekindleError("usage", `there is no rule "${id}"`, {
    fix: near ?? "rekindle doctor --list names all rules",
  });
}

/** Facts of this machine, or those of a file. */
async function gather(options: DoctorOptions, io: Io): Promise<Facts> {
  const { host } = io;
  if (options.facts !== undefined) return await factsFrom(options.facts, io);
  if (options.saveRecording === undefined) return await examined(host, io);
  const recorder = recordingHost(host, (name) => isRelevant(name) || pathVariables.has(name));
  const facts = await examined(recorder.host, io);
  await host.writeFile(options.saveRecording, json(recorder.recording()));
  return facts;
}

/** Variables that say where probes look. */
const pathVariables = new Set(
  (
    "PATH VIRTUAL_ENV CONDA_PREFIX TMPDIR TEMP ROCM_PATH ROCM_HOME HIP_PATH XDG_DATA_DIRS " +
    "container KUBERNETES_SERVICE_HOST ProgramFiles SystemRoot SystemDrive LOCALAPPDATA"
  ).split(" "),
);

/** Names of this machine; facts from a file carry their own. */
async function personal({ facts }: DoctorOptions, host: Host) {
  if (facts !== undefined) return {};
  const { user, hostName, home } = await host.system();
  return { user, hostName, home };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
