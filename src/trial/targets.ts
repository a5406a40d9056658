import { fileURLToPath } from "node:url";
import { RekindleError } from "../errors.ts";
import type { Host } from "../host/index.ts";
import { toleranceFor } from "./case.ts";
import type { CommandLine } from "./confine.ts";
import { type Experiment, limitsOf, type Risk, type Switch } from "./experiment.ts";
import { dangerOf, type Machine } from "./machine.ts";
import { matrix, type Row } from "./matrix.ts";

/** What a matrix is run on. */
export type Target =
  | { readonly name: "torch"; readonly python: string; readonly machine: Machine }
  /** This project's engine, and ONNX Runtime on the CPU. */
  | { readonly name: "engine" }
  | { readonly name: "ort" };

export const targetNames = ["torch", "engine", "ort"] as const;
export type TargetName = (typeof targetNames)[number];

/** Both lie at these places beside sources and built files alike. */
const pythonStep = fileURLToPath(new URL("../../src/trial/python/step.py", import.meta.url));
const builtCommand = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** How the process of a step is started; it then waits for its order. */
export function commandFor(target: Target): CommandLine {
  if (target.name === "torch") {
    // Crashes then say which line of Python they happened in.
    return { program: target.python, args: ["-X", "faulthandler", pythonStep] };
  }
  return { program: process.execPath, args: [builtCommand, "trial-step", target.name] };
}

/** Throws where the program that runs steps is not there. */
export async function checkTarget(target: Target, host: Host): Promise<void> {
  const file = target.name === "torch" ? pythonStep : builtCommand;
  if (await host.exists(file)) return;
  throw new RekindleError("file-missing", `${file} is missing, which runs the steps`, {
    fix: "install rekindle again, or build it: npm run build",
  });
}

/** The experiments of a target, the simplest first. */
export function experimentsFor(target: Target, device?: string): Experiment[] {
  const rows = target.name === "torch" ? matrix : matrix.filter(({ inference }) => inference);
  const suited = target.name === "ort" ? rows.filter((row) => row.case.dtype === "float32") : rows;
  return suited.map((row) => experimentOf(row, target, device));
}

/** Without these nothing else can work. */
const foundations = ["device", "create"];

function experimentOf(row: Row, target: Target, device: string | undefined): Experiment {
  const { risk, why } = riskOn(row, target);
  const at = foundations.indexOf(row.id);
  const before = at < 0 ? foundations : foundations.slice(0, at);
  const needed = target.name === "torch" ? before : before.filter((id) => id === "device");
  return {
    id: `${target.name}/${row.id}`,
    proves: row.proves,
    risk,
    ...(why !== undefined && { [risk === "refused" ? "refusal" : "danger"]: why }),
    needs: needed.map((id) => `${target.name}/${id}`),
    limits: limitsOf(row.case),
    order: { case: row.case, seed: 1, ...(device !== undefined && { device }) },
    case: row.case,
    tolerance: toleranceFor(row.case),
    switches: [],
  };
}

function riskOn(row: Row, target: Target): { readonly risk: Risk; readonly why?: string } {
  // ONNX Runtime here touches no GPU.
  if (target.name === "ort") return { risk: "safe" };
  if (target.name === "engine") return { risk: row.risk };
  const danger = dangerOf(target.machine);
  if (danger.risk === "usual") return { risk: row.risk };
  return { risk: danger.risk, ...(danger.why !== undefined && { why: danger.why }) };
}

/** An experiment under a switch: a step of its own. */
export function withSwitch(experiment: Experiment, added: Switch): Experiment {
  return {
    ...experiment,
    id: `${experiment.id}+${added.id}`,
    switches: [...experiment.switches, added],
  };
}

/** What the process of a step is told to do. */
export function orderOf({ order, switches }: Experiment): object {
  const statements = switches.flatMap(({ python }) => (python === undefined ? [] : [python]));
  return { ...order, statements };
}
