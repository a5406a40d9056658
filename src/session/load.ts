import type { Graph } from "../graph/index.ts";
import { readOnnx } from "../onnx/read.ts";
import { ops } from "../ops/index.ts";
import type { Progress } from "./types.ts";

/** A model as users have it: a path, the bytes of an ONNX file, or a graph. */
export type Model = string | Uint8Array | Graph;

export const isGraph = (model: Model): model is Graph =>
  typeof model !== "string" && !(model instanceof Uint8Array);

/** The graph of a model; errors as `readOnnx` and `loadOnnx`. */
export async function loadGraph(model: Model): Promise<Graph> {
  if (isGraph(model)) return model;
  if (typeof model !== "string") return readOnnx(model, { supported: ops });
  // Loaded when needed: browsers have no files.
  const { loadOnnx } = await import("../onnx/file.ts");
  return loadOnnx(model, { supported: ops });
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
