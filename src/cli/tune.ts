import { type Command, Option } from "commander";
import type { Io } from "./io.ts";
import { pictureSize, wholeNumber } from "./options.ts";
import type { TuneOptions } from "./tune/options.ts";

const examples = `
Every way in which a kernel of this network may be computed is compared with a
reference in float64, then timed. The fastest are stored for this adapter and
driver, and every run uses them from then on. The search ends early where the
first choices are the best; a second call goes on where the first ran out of time.

REKINDLE_TUNINGS names another file to store them in, or "off".

Examples:
  rekindle tune resnet50.onnx
  rekindle tune mobilenet_v2 --batch 8 --seconds 30
  rekindle tune net.onnx --size 512 --precision f16 --force
  rekindle tune --list
  rekindle tune --export tunings.json`;

/** `rekindle tune`. */
export function addTune(program: Command, io: Io): void {
  program
    .command("tune")
    .description("find the fastest kernels for a network on this GPU, and keep them")
    .usage("[MODEL] [options]")
    .argument("[MODEL]", "an ONNX file, or a built-in network (rekindle models)")
    .option("-d, --device <NAME>", "auto, gpu, software, or part of a name (default: auto)")
    .addOption(
      new Option("--precision <P>", "what values are stored as")
        .choices(["f32", "f16", "f16acc32"])
        .default("f32"),
    )
    .option("--batch <N>", "pictures per run (default: 1)", wholeNumber(1))
    .option("--size <HxW>", "size of pictures where the network takes any", pictureSize)
    .option("--seconds <S>", "stop searching after so long", wholeNumber(1), 60)
    .option("--force", "measure again what is stored")
    .option("--list", "show what is stored")
    .option("--clear", "remove what is stored, with --device for one adapter alone")
    .option("--export <FILE>", "write what is stored to a file, for another machine")
    .option("--import <FILE>", "take over what another machine of the same adapter exported")
    .option("--json", "print JSON")
    .option("-q, --quiet", "no progress")
    .addHelpText("after", examples)
    .action(async (model: string | undefined, options: TuneOptions) => {
      // Loaded when needed, so that help and errors in options come at once.
      const { runTune } = await import("./tune/run.ts");
      await runTune(model, options, io);
    });
}
