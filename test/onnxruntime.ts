import type * as Ort from "onnxruntime-node";
import { type DType, Tensor, type TypedArray } from "../src/tensor/index.ts";

/** ONNX Runtime where it is installed: an optional dependency, and the oracle of some tests. */
export const ort: typeof Ort | undefined = await import("onnxruntime-node").catch(() => undefined);

/** Runs a model file in ONNX Runtime. */
export async function runOrt(
  bytes: Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  // A higher level would hide mistakes in a file by rewriting it; errors only in the log.
  const session = await ort!.InferenceSession.create(bytes, {
    graphOptimizationLevel: "disabled",
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
  });
  const given = Object.entries(feeds).map(([name, t]) => [
    name,
    new ort!.Tensor(t.dtype as "float32", t.data as Float32Array, t.dims),
  ]);
  const results = await session.run(Object.fromEntries(given));
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, t]) => [
      name,
      new Tensor(t.type as DType, t.data as TypedArray, t.dims),
    ]),
  );
}
