import { extname } from "node:path";
import { RekindleError } from "../../errors.ts";
import type { Host } from "../../host/index.ts";
import { formatShape, isFloat, type Tensor } from "../../tensor/index.ts";
import { encodePicture } from "../image.ts";
import { isPictureShape, type Range, toPicture } from "../pixels.ts";
import type { Result } from "./results.ts";

/** The ranges of values that --output-range knows. */
export const outputRanges: Readonly<Record<string, Range>> = {
  "0..1": [0, 1],
  "-1..1": [-1, 1],
  "0..255": [0, 255],
};

/** A picture to write: item `n` of an output of result number `result`. */
interface Job {
  readonly result: number;
  readonly output: string;
  readonly tensor: Tensor;
  readonly n: number;
}

/**
 * Writes every output that is a picture and gives the file names, per result. Several outputs
 * are told apart by name, several pictures by number: out.png, out-2.png, out-mask-2.png.
 * Throws "usage" where no output is a picture.
 */
export async function savePictures(
  results: readonly Result[],
  path: string,
  range: Range,
  host: Host,
): Promise<string[][]> {
  const jobs = results.flatMap((r, i) => jobsOf(r, i));
  if (jobs.length === 0) throw noPicture(results);
  const outputs = new Set(jobs.map((j) => j.output)).size;
  const saved: string[][] = results.map(() => []);
  const written = new Map<string, number>();
  for (const { result, output, tensor, n } of jobs) {
    const number = (written.get(output) ?? 0) + 1;
    written.set(output, number);
    const parts = [outputs > 1 && fileNameOf(output), jobs.length > outputs && number];
    const target = insertBeforeEnding(
      path,
      parts.filter((p) => p !== false),
    );
    await host.writeFile(target, await encodePicture(toPicture(tensor, n, range), target));
    saved[result]!.push(target);
  }
  return saved;
}

function jobsOf({ outputs }: Result, result: number): Job[] {
  return [...outputs].flatMap(([output, tensor]) => {
    if (!isPictureShape(tensor.dims) || !isFloat(tensor.dtype)) return [];
    return Array.from({ length: tensor.dims[0]! }, (_, n) => ({ result, output, tensor, n }));
  });
}

function noPicture(results: readonly Result[]): RekindleError {
  const shapes = [...results[0]!.outputs].map(
    ([name, { dtype, dims }]) => `"${name}" is ${dtype} ${formatShape(dims)}`,
  );
  return new RekindleError("usage", `no output is a picture to --save: ${shapes.join(", ")}`, {
    fix: "pictures are Nx1xHxW or Nx3xHxW; to keep other values use --output NAME=file.npy",
  });
}

function insertBeforeEnding(path: string, parts: readonly (string | number)[]): string {
  const ending = extname(path);
  return [path.slice(0, path.length - ending.length), ...parts].join("-") + ending;
}

/** Names of values may hold slashes and colons; those of files had better not. */
function fileNameOf(output: string): string {
  return output.replace(/[^\w.]+/g, "_");
}
