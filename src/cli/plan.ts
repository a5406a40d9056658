import { type Command, Option } from "commander";
import { planReport, renderPlanHtml, type Want, type Wishes, wants } from "../remedies/index.ts";
import { Ending } from "./ending.ts";
import { renderPlan } from "./fix/plan-text.ts";
import type { Io } from "./io.ts";
import { examined, factsFrom } from "./machine-facts.ts";
import { diskSize } from "./options.ts";

const summary = "rank the ways to make Conv2d work on this machine";

const description = `Ranks the ways to make Conv2d work on this machine

Judges every remedy by what is known of the machine, and by what you want: how
certain it is and by whose word, what it takes, what it changes and what can go
wrong. Changes nothing; rekindle fix REMEDY shows what one would do.`;

const help = `
Exit codes: 0 there is a way, or nothing has to be done; 1 nothing fits; 2 could
not do the job.

Examples:
  rekindle plan                                 a way to train with PyTorch
  rekindle plan --want comfyui --fp16 --no-root
  rekindle plan --want infer --offline --max-disk 2GB
  rekindle plan --facts facts.json --html plan.html`;

interface PlanOptions {
  readonly want: Want;
  readonly fp16?: boolean;
  readonly root: boolean;
  readonly offline?: boolean;
  readonly maxDisk?: number;
  readonly facts?: string;
  readonly json?: boolean;
  readonly html?: string;
}

/** `rekindle plan`. */
export function addPlan(program: Command, io: Io): void {
  program
    .command("plan")
    .summary(summary)
    .description(description)
    .addOption(new Option("--want <WHAT>", "what it is for").choices(wants).default("train"))
    .option("--fp16", "16-bit floats have to compute right")
    .option("--no-root", "without changes that need root")
    .option("--offline", "without downloads")
    .option("--max-disk <SIZE>", "use no more disk than this: 20GB", diskSize)
    .option("--facts <FILE>", "plan for the machine of a file (rekindle doctor --save-facts)")
    .option("--json", "print JSON (docs/remedies.md describes it)")
    .option("--html <FILE>", "write the plan as one HTML file")
    .addHelpText("after", help)
    .action((options: PlanOptions) => runPlan(options, io));
}

async function runPlan(options: PlanOptions, io: Io): Promise<void> {
  const { host, out } = io;
  if (options.html !== undefined) await host.checkWritable(options.html);
  const { want, fp16 = false, root, offline = false, maxDisk } = options;
  const wishes: Wishes = {
    want,
    fp16,
    noRoot: !root,
    offline,
    ...(maxDisk !== undefined && { diskBytesMax: maxDisk }),
  };
  const facts =
    options.facts === undefined ? await examined(host, io) : await factsFrom(options.facts, io);
  const report = planReport(facts, wishes);
  if (options.html !== undefined) await host.writeFile(options.html, renderPlanHtml(report));
  out.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : renderPlan(report, out));
  if (!report.works && report.path.length === 0) throw new Ending("found");
}
