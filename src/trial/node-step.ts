import { relativeError } from "../bench/relative-error.ts";
import { RekindleError } from "../errors.ts";
import { evaluateGraph, resolve } from "../passes/index.ts";
import { type OpenDevice, openDevice, type Precision, Session } from "../session/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Case } from "./case.ts";
import { type NodeCase, nodeCase } from "./node-case.ts";

/** What a step is told to do. */
export interface NodeOrder {
  readonly case: Case;
  readonly seed: number;
  readonly device?: string;
}

export type NodeTarget = "engine" | "ort";

/** What a step says; docs/trial.md describes the messages. */
export type Say = (message: Readonly<Record<string, unknown>>) => void;

/**
 * Computes a case with the engine or with ONNX Runtime, and again with the references in float64,
 * and says how far they differ. Runs in a process of its own: what it calls may crash.
 */
export async function runNodeStep(target: NodeTarget, order: NodeOrder, say: Say): Promise<void> {
  const { graph, feeds } = nodeCase(order.case, order.seed);
  const precision: Precision = order.case.dtype === "float16" ? "f16" : "f32";
  say({ at: "open the device" });
  const device = await deviceFor(target, order.device).catch((error: unknown) => {
    if (error instanceof RekindleError && error.code === "device-missing") return error;
    throw error;
  });
  if (device instanceof RekindleError) return say({ unavailable: device.message });
  if (precision === "f16" && device.gpu?.traits.hasF16 === false) {
    device.gpu.destroy();
    return say({ unavailable: `${device.summary.name} has no 16-bit floats` });
  }
  say({ at: `prepare the network on ${device.summary.name}` });
  const session = await Session.on(device, graph, { precision }, { keepOpen: false });
  say({ at: `compute on ${device.summary.name}` });
  const actual = await session.run(Object.fromEntries(feeds));
  await session.dispose();
  say({ at: "compute the reference" });
  const compared = compareOutputs(actual, expectedOf({ graph, feeds }));
  say({ result: { device: device.summary.name, ...compared } });
}

/** A GPU where there is one, else one that is emulated: "auto" would fall back to ONNX Runtime. */
export async function deviceFor(
  target: NodeTarget,
  wanted: string | undefined,
  open: (wanted: string) => Promise<OpenDevice> = openDevice,
): Promise<OpenDevice> {
  if (target === "ort") return await open("cpu");
  if (wanted !== undefined) return await open(wanted);
  return await open("gpu").catch(() => open("software"));
}

/** The outputs of a graph by its references, in float64. */
export function expectedOf({ graph, feeds }: NodeCase): Map<string, Tensor> {
  const shapes = new Map([...feeds].map(([name, { dims }]) => [name, dims]));
  return evaluateGraph(resolve(graph, shapes), feeds, { exact: true });
}

/** The output that differs most, and how far. */
export function compareOutputs(
  actual: Readonly<Record<string, Tensor>>,
  expected: ReadonlyMap<string, Tensor>,
): { readonly output: string; readonly error: number | "not finite" } {
  const errors = [...expected].map(([output, value]) => {
    const error = relativeError(actual[output]!, value);
    return { output, error: Number.isFinite(error) ? error : ("not finite" as const) };
  });
  const size = ({ error }: { error: number | "not finite" }) =>
    error === "not finite" ? Infinity : error;
  return errors.reduce((worst, next) => (size(next) > size(worst) ? next : worst));
}
