import { messageOf, RekindleError } from "../errors.ts";

export type Ort = typeof import("onnxruntime-node");

/** What the CPU is called in summaries. */
export const cpuName = "CPU (ONNX Runtime)";

let loaded: Promise<Ort> | undefined;

/** ONNX Runtime, loaded once. Throws "device-missing" where it is not installed. */
export function loadOrt(): Promise<Ort> {
  loaded ??= importOrt();
  return loaded;
}

async function importOrt(): Promise<Ort> {
  // The name is in a variable so that bundlers for browsers leave the package out.
  const name = "onnxruntime-node";
  try {
    const module = (await import(/* @vite-ignore */ name)) as Ort & { default?: Ort };
    return module.default ?? module;
  } catch (error) {
    const [reason] = messageOf(error).split("\n");
    throw new RekindleError("device-missing", `ONNX Runtime cannot be loaded: ${reason}`, {
      fix: "run `npm install onnxruntime-node`",
      cause: error,
    });
  }
}

/** Why ONNX Runtime cannot be used, as one sentence; undefined where it can. */
export async function cpuProblem(): Promise<string | undefined> {
  try {
    await loadOrt();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
