import type { Command } from "commander";
import { RekindleError } from "../errors.ts";
import { type FileReport, inspect, parseTarget, summarize, wouldLoad } from "../inspect/index.ts";
import { Ending } from "./ending.ts";
import { type Inspection, renderInspection } from "./inspect-text.ts";
import type { Io } from "./io.ts";
import { progressLine } from "./progress.ts";
import { formatBytes } from "./text.ts";

/** The options of `rekindle inspect`, parsed. */
interface InspectCommandOptions {
  readonly for?: string;
  readonly symbols?: boolean;
  readonly json?: boolean;
}

const examples = `
Reads libraries, code objects, offload bundles (compressed ones too), kpack
archives, rocBLAS, hipBLASLt, AOTriton and MIOpen folders, static archives,
wheels, Debian packages, folders and Python environments. Nothing is unpacked to
disk and nothing is run. With --for the exit status is 0 where all code would
load, 1 where it would not; 2 says that a file could not be read.

Examples:
  rekindle inspect /opt/rocm/lib/librocblas.so
  rekindle inspect --for gfx1010 ~/.venv
  rekindle inspect --symbols --json kernels.co | jq '.files[0].code'`;

/** `rekindle inspect`. */
export function addInspect(program: Command, io: Io): void {
  program
    .command("inspect")
    .description("list the GPU targets that binaries hold code for")
    .argument("<PATH...>", "files, archives, folders or Python environments")
    .option("--for <TARGET>", "whether a GPU's code would load from here, as gfx1010")
    .option("--symbols", "list every kernel with its registers")
    .option("--json", "print JSON")
    .addHelpText("after", examples)
    .action(async (paths: string[], options: InspectCommandOptions) => {
      await runInspect(paths, options, io);
    });
}

async function runInspect(paths: readonly string[], options: InspectCommandOptions, io: Io) {
  const gpu = options.for;
  if (gpu !== undefined && !parseTarget(gpu)) {
    throw new RekindleError("usage", `--for ${gpu} is no GPU target`, {
      fix: "pass one as LLVM names it: --for gfx1010, --for gfx90a:xnack-",
    });
  }
  const files = await readAll(paths, options, io);
  const summary = summarize(files);
  const load = gpu === undefined ? undefined : wouldLoad(summary, gpu);
  const inspection: Inspection = {
    schema: "rekindle-inspect/1",
    files,
    summary,
    ...(load && { load }),
  };
  if (options.json) io.out.write(`${JSON.stringify(inspection, null, 2)}\n`);
  else io.out.write(renderInspection(inspection, io.out));
  throwDamaged(paths, files);
  if (load && load.answer !== "yes") throw new Ending("found");
}

/** A file that was named and cannot be read is a failure; one inside a folder is told. */
function throwDamaged(paths: readonly string[], files: readonly FileReport[]): void {
  const damaged = files.filter(({ path, problems }) => paths.includes(path) && problems.length > 0);
  const [first] = damaged;
  if (!first) return;
  const { message, code } = first.problems[0]!;
  const more = damaged.length > 1 ? ` (and ${damaged.length - 1} more)` : "";
  const permission = code === "permission" || code === "skipped";
  throw new RekindleError("file-invalid", `${first.path}: ${message}${more}`, {
    fix: permission ? "read it as a user who may" : "fetch or build it again, and compare its size",
  });
}

/** Small files and short runs are quicker than any news of them. */
const quietMs = 1000;
const bigFileBytes = 2 ** 28;

async function readAll(
  paths: readonly string[],
  { symbols = false }: InspectCommandOptions,
  io: Io,
): Promise<FileReport[]> {
  const line = progressLine(io, true);
  const start = performance.now();
  const onProgress = (path: string, done: number, size: number) => {
    if (performance.now() - start < quietMs) return;
    const isBig = size > bigFileBytes && size < Infinity;
    line.show(`reading ${path}${isBig ? ` ${formatBytes(done)} of ${formatBytes(size)}` : ""}`);
  };
  const files: FileReport[] = [];
  try {
    for (const path of paths) {
      const full = io.host.resolve(path);
      for await (const report of inspect(full, { symbols, onProgress })) {
        const isInside = report.path.startsWith(full);
        files.push(isInside ? { ...report, path: path + report.path.slice(full.length) } : report);
      }
    }
  } finally {
    line.clear();
  }
  return files;
}
