import { type Command, InvalidArgumentError, Option } from "commander";
import { type RivalName, rivals } from "../bench/rival.ts";
import type { BenchOptions, What } from "./bench/options.ts";
import type { Io } from "./io.ts";
import { pictureSize, wholeNumber } from "./options.ts";

const examples = `
conv   layers of well-known networks, or layers named as in c64-56x56-k128-3x3-s2
       (input channels, height x width, filters, kernel; then -s stride, -d dilation,
       -g groups where they are not 1); part of a name chooses among the usual ones
model  built-in networks (rekindle models), or ONNX files, on random numbers
sweep  convolutions drawn by a seed from all sizes that networks use

First the device's peak and bandwidth are measured. Everything is compared with a
reference before it is timed: what gives wrong numbers gets no time, and the exit code
is 2. Times are medians after half a second of warming up; docs/measuring.md says how.

Examples:
  rekindle bench conv
  rekindle bench conv 3x3 c64-56x56-k64-3x3-g2 --batch 1,8 --plot layers.html
  rekindle bench model resnet50 --batch 1,8,32 --layers --plot resnet50.svg
  rekindle bench model net.onnx --size 512 --against ort-webgpu,ort-cpu
  rekindle bench model resnet18 --baseline bench/baselines/h100-cudnn.json --json -
  rekindle bench model resnet50 --batch 1,8 --predict "RX 5600 XT" --layers
  rekindle bench sweep --limit 50 --seconds 60 --json sweep.json`;

/** `rekindle bench`. */
export function addBench(program: Command, io: Io): void {
  const command = program
    .command("bench")
    .description("measure convolutions and networks, and what limits them")
    .usage("<conv|model|sweep> [NAME...] [options]")
    .argument("<WHAT>", "conv, model or sweep", oneOfWhat)
    .argument("[NAME...]", "layers, networks or ONNX files (default: a few usual ones)");
  addChoices(command);
  addOutputs(command);
  command
    .addHelpText("after", examples)
    .action(async (what: What, names: readonly string[], options: BenchOptions) => {
      // Loaded when needed, so that help and errors in options come at once.
      if (options.predict !== undefined && !options.list) {
        const { runPrediction } = await import("./bench/predict.ts");
        return runPrediction(what, names, options, io);
      }
      const { runBench } = await import("./bench/run.ts");
      return runBench(what, names, options, io);
    });
}

function addChoices(command: Command): void {
  command
    .option("-d, --device <NAME>", "auto, gpu, cpu, software, or part of a name (default: auto)")
    .addOption(
      new Option("--precision <P>", "what values are stored as")
        .choices(["f32", "f16", "f16acc32"])
        .default("f32"),
    )
    .option("--batch <N,...>", "pictures per run, one or several (default: 1)", batchList)
    .option("--size <HxW>", "model: size of pictures (default: 224)", pictureSize)
    .option("--layers", "model: also time every layer")
    .option(
      "--against <ENGINE,...>",
      `model: other engines on this machine: ${Object.keys(rivals).join(", ")}`,
      rivalList,
    )
    .option("--predict <CARD>", 'model: predict the times on an RDNA1 card: "RX 5600 XT"')
    .option("--baseline <FILE...>", "compare with stored times, as in bench/baselines")
    .option("--repeat <N>", "samples of each time (default: 20, of whole runs 40)", wholeNumber(3))
    .option("--limit <N>", "sweep: convolutions at most (default: 200)", wholeNumber(1))
    .option("--seconds <S>", "sweep: stop after so long (default: 120)", wholeNumber(1))
    .option("--seed <N>", "sweep: which convolutions (default: 1)", wholeNumber(0));
}

function addOutputs(command: Command): void {
  command
    .option("--list", "print what would be measured, one name per line, and stop")
    .option("--json [FILE]", "write all figures as JSON to a file, or to standard output (-)")
    .option("--plot <FILE>", "draw roofline, times and speed-ups (.html or .svg)")
    .option("-q, --quiet", "no progress");
}

function oneOfWhat(text: string): What {
  if (text === "conv" || text === "model" || text === "sweep") return text;
  throw new InvalidArgumentError("It must be conv, model or sweep.");
}

function batchList(text: string): number[] {
  return text.split(",").map(wholeNumber(1));
}

function rivalList(text: string): RivalName[] {
  return text.split(",").map((name) => {
    if (Object.hasOwn(rivals, name)) return name as RivalName;
    throw new InvalidArgumentError(`It must be one or more of ${Object.keys(rivals).join(", ")}.`);
  });
}
