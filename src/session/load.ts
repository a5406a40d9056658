import { RekindleError } from "../errors.ts";
import type { Graph } from "../graph/index.ts";
import { readOnnx } from "../onnx/read.ts";
import { ops } from "../ops/index.ts";
import type { Progress } from "./types.ts";

/** A model as users have it: a path, the bytes of an ONNX file, or a graph. */
export type Model = string | Uint8Array | Graph;

export const isGraph = (model: Model): model is Graph =>
  typeof model !== "string" && !(model instanceof Uint8Array);

/** The graph of a model that kernels are to run; errors as `readOnnx` and `loadOnnx`. */
export const loadGraph = (model: Model): Promise<Graph> => read(model, { supported: ops });

/** Throws what is wrong with a model's file in our words, if anything is that we know of. */
export async function checkModel(model: Model): Promise<void> {
  await read(model, {});
}

async function read(model: Model, options: { supported?: typeof ops }): Promise<Graph> {
  if (typeof model === "string") {
    // Loaded when needed: browsers have no files.
    const { loadOnnx } = await import("../onnx/file.ts");
    return loadOnnx(model, options);
  }
  return isGraph(model) ? model : readOnnx(model, options);
}

/** Throws "usage" for what is no path, no bytes and no graph. */
export function requireModel(model: Model): void {
  if (typeof model === "string" || model instanceof Uint8Array) return;
  if (Array.isArray((model as Partial<Graph> | undefined)?.nodes)) return;
  throw new RekindleError("usage", `a model cannot be of type ${typeof model}`, {
    fix: "pass a path, the bytes of an ONNX file as a Uint8Array, or a graph",
  });
}

/** Does one stage of work, telling of its begin and end, and how many milliseconds it took. */
export async function timed<T>(
  stage: Progress["stage"],
  onProgress: (progress: Progress) => void,
  work: () => T | Promise<T>,
): Promise<{ readonly result: T; readonly ms: number }> {
  const start = performance.now();
  onProgress({ stage, done: 0, total: 1 });
  const result = await work();
  onProgress({ stage, done: 1, total: 1 });
  return { result, ms: performance.now() - start };
}
