import { basename } from "node:path";
import { type Command, Option } from "commander";
import type { Precision, Session } from "../session/index.ts";
import { openSession } from "./engine.ts";
import { checkPictureName } from "./image.ts";
import type { Io } from "./io.ts";
import { parseLabels } from "./labels.ts";
import { writeNpy } from "./npy.ts";
import {
  type NamedFile,
  namedFile,
  numberList,
  pictureSize,
  positiveList,
  wholeNumber,
} from "./options.ts";
import { type ProgressLine, progressLine } from "./progress.ts";
import { type Description, describeOutput } from "./run/describe.ts";
import { runAll } from "./run/execute.ts";
import { type FeedOptions, type FeedPlan, planFeeds } from "./run/feeds.ts";
import { findByName } from "./run/inputs.ts";
import { renderResult, renderSummary, type ShownResult } from "./run/render.ts";
import { joinResults, type Result } from "./run/results.ts";
import { outputRanges, savePictures } from "./run/save.ts";
import { summaryOf } from "./run/summary.ts";
import { checkComparable, requirePassed, verify } from "./run/verify.ts";
import { significant } from "./text.ts";

/** The options of `rekindle run`, parsed. */
interface RunOptions extends FeedOptions {
  readonly output?: readonly NamedFile[];
  readonly save?: string;
  readonly outputRange: string;
  readonly labels?: string;
  readonly top?: number;
  readonly precision: Precision;
  readonly device?: string;
  readonly repeat: number;
  readonly verify?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const examples = `
MODEL comes first: --image, --input and --output take every word up to the next
option.

Pictures are brought to the network's size. Their values are 0..1, then
(value - mean) / std, with ImageNet's mean and std for networks that classify,
0 and 1 for networks that make pictures. Grey, 16-bit, turned and transparent
pictures (put on white) are converted.

Examples:
  rekindle run shapes.onnx --image star.png --labels labels.txt --top 3
  rekindle run upscale.onnx --image small.png --save large.png
  rekindle run resnet50.onnx --image *.jpg --json > results.json
  rekindle run net.onnx --input x=x.npy --output y=y.npy --verify
  rekindle run net.onnx --random --batch 8 --repeat 50 --precision f16`;

/** `rekindle run`. */
export function addRun(program: Command, io: Io): void {
  const command = program
    .command("run")
    .description("run a network on pictures or arrays")
    .usage("<MODEL> [options]")
    .argument("<MODEL>", "an ONNX file");
  addInputOptions(command);
  addOutputOptions(command);
  addEngineOptions(command);
  command
    .addHelpText("after", examples)
    .action((model: string, options: RunOptions) => runModel(model, options, io));
}

function addInputOptions(command: Command): void {
  command
    .option("-i, --image <FILE...>", "pictures for the input that takes pictures")
    .addOption(
      new Option("--input <NAME=FILE...>", "arrays for inputs (.npy)").argParser(namedFile),
    )
    .option("--random", "random numbers, the same each time, for every other input")
    .option("--batch <N>", "pictures per run (default: the network's, or up to 32)", wholeNumber(1))
    .option("--size <HxW>", "size of pictures where the network takes any", pictureSize)
    .addOption(
      new Option("--resize <HOW>", "how pictures are brought to the size")
        .choices(["crop", "letterbox", "stretch"])
        .default("crop"),
    )
    .option("--mean <M>", "subtracted from values in 0..1: one number, or R,G,B", numberList)
    .option("--std <S>", "divides after that: one number, or R,G,B", positiveList);
}

function addOutputOptions(command: Command): void {
  command
    .option("--labels <FILE>", "class names: one per line, a JSON list or map")
    .option("--top <K>", "classes to show (default: 5)", wholeNumber(1))
    .option("-s, --save <FILE>", "write output pictures (.png .jpg .webp .tif)")
    .addOption(
      new Option("--output-range <RANGE>", "black and white in output pictures")
        .choices(Object.keys(outputRanges))
        .default("0..1"),
    )
    .addOption(
      new Option("--output <NAME=FILE...>", "write outputs as arrays (.npy)").argParser(namedFile),
    );
}

function addEngineOptions(command: Command): void {
  command
    .option("-d, --device <NAME>", "auto, gpu, cpu, software, or part of a name (default: auto)")
    .addOption(
      new Option("--precision <P>", "what values are stored as")
        .choices(["f32", "f16", "f16acc32"])
        .default("f32"),
    )
    .option("--repeat <N>", "run N more times and give median and spread", wholeNumber(0), 0)
    .option("--verify", "compare every output with the CPU's; exit code 2 if they differ")
    .option("--json", "print JSON")
    .option("-q, --quiet", "print results only, no summary");
}

async function runModel(model: string, options: RunOptions, io: Io): Promise<void> {
  const line = progressLine(io, !options.quiet);
  const labels = await checkFiles(options, io);
  const path = await io.host.checkFile(model, "model");
  const { device, precision } = options;
  try {
    const session = await openSession(
      path,
      { precision, ...(device !== undefined && { device }) },
      line,
    );
    try {
      await runOn(session, { model, path, options, labels, io, line });
    } finally {
      await session.dispose();
    }
  } finally {
    line.clear();
  }
}

/** Finds fault with files before the model is loaded; gives the labels. */
async function checkFiles(options: RunOptions, { host }: Io): Promise<string[] | undefined> {
  if (options.save !== undefined) {
    checkPictureName(options.save);
    await host.checkWritable(options.save);
  }
  for (const { path } of options.output ?? []) await host.checkWritable(path);
  for (const path of options.image ?? []) await host.checkFile(path, "picture");
  if (options.labels === undefined) return undefined;
  const bytes = await host.readFile(options.labels, "labels");
  return parseLabels(Buffer.from(bytes).toString("utf8"), options.labels);
}

/** One call of `rekindle run`. */
interface Job {
  readonly model: string;
  /** The model's absolute path. */
  readonly path: string;
  readonly options: RunOptions;
  readonly labels: readonly string[] | undefined;
  readonly io: Io;
  readonly line: ProgressLine;
}

async function runOn(session: Session, job: Job): Promise<void> {
  const { options, io, line } = job;
  if (options.verify) checkComparable(session);
  for (const { name } of options.output ?? []) findByName(session.outputs, name, "output");
  const plan = await planFeeds(session.inputs, session.outputs, options, io.host);
  const executed = await runAll(session, plan, options.repeat, line);
  line.clear();
  const shown = await present(executed.results, job);
  if (!options.json) io.out.write(shown.map((r) => renderResult(r, io.out)).join("\n"));
  const verified = options.verify ? await verifyOnCpu(session, plan, executed.outputs, job) : null;
  const summary = summaryOf(basename(job.model), session, plan, executed.times);
  if (options.json) {
    const report = { ...summary, results: shown, verification: verified };
    io.out.write(`${JSON.stringify(report, null, 2)}\n`);
  } else if (!options.quiet) {
    io.out.write(`\n${renderSummary(summary, verified, io.out)}`);
  }
  if (verified) requirePassed(verified);
}

/** Describes the results and writes what is asked for to files. */
async function present(results: readonly Result[], job: Job): Promise<ShownResult[]> {
  const { options, labels, io } = job;
  const { top } = options;
  const classifies = Boolean(options.image ?? labels ?? top);
  const described = results.map(({ outputs }) =>
    [...outputs].map(([name, tensor]) => describeOutput(name, tensor, { labels, top, classifies })),
  );
  const range = outputRanges[options.outputRange]!;
  const saved =
    options.save === undefined
      ? undefined
      : await savePictures(results, options.save, range, io.host);
  for (const { name, path } of options.output ?? []) {
    await io.host.writeFile(path, writeNpy(joinResults(results, name)));
  }
  if (saved && !options.quiet) warnOfRange(described.flat(), options.outputRange, io);
  return results.map(({ picture }, i) => ({
    ...(picture !== undefined && { picture }),
    outputs: described[i]!,
    saved: saved?.[i] ?? [],
  }));
}

/** Says so where most of a picture was cut off, which a wrong range does. */
function warnOfRange(outputs: readonly Description[], name: string, { err }: Io): void {
  const [black, white] = outputRanges[name]!;
  for (const output of outputs) {
    if (output.kind !== "picture") continue;
    const { min, max } = output;
    if (min >= 2 * black - white && max <= 2 * white - black) continue;
    const has = `${significant(min)} to ${significant(max)}`;
    err.write(`note: output "${output.name}" has values from ${has}, cut off to ${name}\n`);
    err.write(`  fix: pass another --output-range: ${Object.keys(outputRanges).join(", ")}\n`);
    return;
  }
}

async function verifyOnCpu(
  session: Session,
  plan: FeedPlan,
  outputs: Parameters<typeof verify>[1],
  { path, line }: Job,
) {
  const cpu = await openSession(path, { device: "cpu" }, line);
  try {
    line.show("running on the CPU ...");
    return await verify(plan, outputs, cpu, session.precision);
  } finally {
    await cpu.dispose();
    line.clear();
  }
}
