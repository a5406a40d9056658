import { fileURLToPath } from "node:url";
import type { Experiment } from "../../src/trial/experiment.ts";

/** The program that misbehaves as its order says. */
export const faultyStep = {
  program: process.execPath,
  args: [fileURLToPath(new URL("faulty-step.mjs", import.meta.url))],
};

/** An experiment without a device, which does what `order.fault` names. */
export function fakeExperiment(
  id: string,
  order: Readonly<Record<string, unknown>> = { fault: "none" },
  differences: Partial<Experiment> = {},
): Experiment {
  return {
    id,
    proves: "nothing",
    risk: "safe",
    needs: [],
    limits: { timeMs: 60_000, memoryBytes: 1e9, cpuSeconds: 30 },
    order,
    tolerance: 1e-5,
    switches: [],
    ...differences,
  };
}
