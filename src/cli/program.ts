import { Command, CommanderError } from "commander";
import { addBench } from "./bench.ts";
import { addBridge } from "./bridge.ts";
import { addCompare } from "./compare.ts";
import { addDevices } from "./devices.ts";
import { addDoctor } from "./doctor.ts";
import { Ending, exitCodes } from "./ending.ts";
import { addExplain } from "./explain.ts";
import { reportFailure } from "./failure.ts";
import { addFix } from "./fix.ts";
import { addHistory } from "./history.ts";
import { addInspect } from "./inspect.ts";
import { type Io, processIo } from "./io.ts";
import { addModels } from "./models.ts";
import { addPlan } from "./plan.ts";
import { addRun } from "./run.ts";
import { addTrial } from "./trial.ts";
import { addTrialStep } from "./trial-step.ts";
import { addTune } from "./tune.ts";
import { addUndo } from "./undo.ts";
import { addValidate } from "./validate.ts";
import { version } from "./version.ts";

/**
 * Runs one command line, without the program's name, and gives its exit code: 0 done, 1 something
 * was found, 2 could not do the job. Writes to `io` alone and never throws.
 *
 * @example
 * process.exitCode = await main(["run", "model.onnx", "--image", "cat.jpg"]);
 */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  if (argv.length === 0) {
    io.out.write(welcome);
    return exitCodes.done;
  }
  let hasWritten = false;
  const write = (text: string) => {
    hasWritten = true;
    io.out.write(text);
  };
  try {
    await program({ ...io, out: { ...io.out, write } }).parseAsync(argv, { from: "user" });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof Ending) return error.code;
    if (error instanceof CommanderError) {
      // Commander has written its message already; help and version come here as well.
      return error.exitCode === 0 ? exitCodes.done : exitCodes.failed;
    }
    const debug = argv.includes("--debug") || Boolean(io.host.env.REKINDLE_DEBUG);
    // Standard output stays one JSON document: after a report, the error goes to stderr alone.
    const json = argv.includes("--json") && !hasWritten;
    reportFailure(error, io, { debug, json });
    return exitCodes.failed;
  }
}

function program(io: Io): Command {
  const { out, err } = io;
  const root = new Command("rekindle")
    .description("Runs convolutional networks (ONNX) on the GPU, through WebGPU.")
    .version(version(), "--version", "print the version")
    .option("--debug", "print stacks with errors (also: REKINDLE_DEBUG=1)")
    .helpOption("-h, --help", "print help")
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: out.write,
      writeErr: err.write,
      getOutHelpWidth: () => out.columns,
      getErrHelpWidth: () => err.columns,
      getOutHasColors: () => out.hasColor,
      getErrHasColors: () => err.hasColor,
    });
  addRun(root, io);
  addDevices(root, io);
  addDoctor(root, io);
  addModels(root, io);
  addTune(root, io);
  addBench(root, io);
  addInspect(root, io);
  addExplain(root, io);
  addPlan(root, io);
  addFix(root, io);
  addUndo(root, io);
  addHistory(root, io);
  addTrial(root, io);
  addTrialStep(root, io);
  addValidate(root, io);
  addCompare(root, io);
  addBridge(root);
  for (const command of root.commands) {
    const usage = `rekindle ${command.name()} ${command.usage()}`;
    command.showHelpAfterError(`  fix: ${usage} (see rekindle ${command.name()} --help)`);
  }
  root.showHelpAfterError("  fix: see rekindle --help");
  return root;
}

const welcome = `rekindle runs convolutional networks (ONNX) on your GPU, without ROCm or CUDA.

  rekindle doctor                               why PyTorch does not run here
  rekindle plan                                 what would make it run, at what cost
  rekindle devices                              what can run networks here
  rekindle run model.onnx --image cat.jpg       classify a picture
  rekindle run model.onnx --image a.png --save b.png
                                                a picture in, a picture out
  rekindle models resnet18 -o resnet18.onnx     write a network to try, random weights
  rekindle run resnet18.onnx --random --repeat 20
                                                measure its speed

  rekindle help                                 all commands
  rekindle help run                             all options of one
`;
