import { dirname, join } from "node:path";
import type { Spread } from "../bench/index.ts";
import { RekindleError } from "../errors.ts";
import type { Host } from "../host/index.ts";
import {
  bootIdOf,
  checkTarget,
  commandFor,
  findConfinement,
  logPosition,
  quickFacts,
  type StepResult,
  type Target,
  Trial,
} from "../trial/index.ts";
import type { MeasuredTime, ValidateReport } from "./criteria.ts";
import type { Found } from "./found.ts";
import { historyOf, remember, rememberDeaths } from "./history.ts";
import { judgeAll, outputsOf } from "./judge.ts";
import { type Extent, type Part, planFor } from "./plan.ts";
import { type SensorRange, watchSensors } from "./sensors.ts";

export interface ValidateOptions {
  readonly host: Host;
  readonly target: Target;
  /** What is validated, with its version. */
  readonly subject: string;
  readonly device?: string;
  readonly extent: Extent;
  readonly quick: boolean;
  /** The command that does it again. */
  readonly command: string;
  /** A new file, in a folder in which results of all boots are kept. */
  readonly journal: string;
  /** Aborted when the user wants to stop. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: {
    readonly id: string;
    readonly done: number;
    readonly total: number;
  }) => void;
}

const sensorsMs = 2000;

/**
 * Checks the success criteria of a target, each part in a process of its own, and keeps the result
 * for later boots.
 *
 * Throws "file-invalid" where journal or history cannot be written, "file-missing" where what runs
 * the parts is missing, and "device-missing" where there is nothing to validate on.
 */
export async function runValidation(options: ValidateOptions): Promise<ValidateReport> {
  const { host, target, subject, device: wanted, extent, journal } = options;
  await checkTarget(target, host);
  const startedAt = new Date().toISOString();
  const parts = planFor(target, extent, wanted);
  const folder = dirname(journal);
  const historyFile = join(folder, "history.jsonl");
  await rememberDeaths(host, folder, historyFile);
  const { results, sensors, isComplete } = await runParts(parts, options);
  const boot = await bootIdOf(host);
  const device = [...results.values()].find((r) => r.device !== undefined)?.device ?? "unknown";
  const isCard = isCardName(device);
  const history = await historyOf(host, historyFile, { subject, device });
  const times = timesIn(parts, results);
  const isEmulated = isEmulatedName(device);
  const evidence = { parts, results, extent, times, sensors, history, boot, isEmulated };
  const seesKernelLog =
    host.platform === "linux" ? (await logPosition(host)) !== undefined : undefined;
  const found: Found = { ...evidence, seesKernelLog };
  const criteria = judgeAll(found);
  if (isComplete) {
    const [outputs = {}] = outputsOf(found);
    const verdicts = Object.fromEntries(criteria.map(({ id, verdict }) => [id, verdict]));
    const { command } = options;
    const what = { time: startedAt, boot, target: target.name, subject, device, command };
    remember(historyFile, { ...what, verdicts, outputs });
  }
  return {
    schema: "rekindle-validate/1",
    target: target.name,
    subject,
    device,
    isCard,
    startedAt,
    boot,
    quick: options.quick,
    criteria,
    times,
    caveats: caveatsOf(device, isCard, options.quick),
    journal,
    isComplete,
  };
}

async function runParts(parts: readonly Part[], options: ValidateOptions) {
  const { host, target, subject, journal, signal, onProgress } = options;
  const confinement = await findConfinement(host);
  const facts = await quickFacts(host);
  const { command: again } = options;
  const order = {
    target: target.name,
    subject,
    command: again,
    parts: parts.map(({ experiment }) => experiment.id),
  };
  const trial = await Trial.open({ host, confinement, facts, journal, order });
  const stop = () => trial.stop();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  const watched = watchSensors(host, sensorsMs);
  const command = commandFor(target);
  const results = new Map<string, StepResult>();
  try {
    for (const [i, { experiment }] of parts.entries()) {
      onProgress({ id: experiment.id, done: i, total: parts.length });
      const result = await trial.perform(experiment, command);
      if (i === 0 && result.outcome === "unavailable") {
        trial.finish();
        throw nothingThere(result.detail);
      }
      results.set(experiment.id, result);
    }
    const isComplete = !trial.isStopped;
    if (isComplete) trial.finish();
    return { results, isComplete, sensors: (await watched.stop()) as SensorRange };
  } finally {
    await watched.stop();
    signal.removeEventListener("abort", stop);
    trial.dispose();
  }
}

/** Every part needs the device that the first one did not find. */
function nothingThere(detail: string): RekindleError {
  return new RekindleError("device-missing", `nothing can be validated: ${detail}`, {
    fix: "rekindle doctor says what this machine lacks; rekindle devices lists what there is",
  });
}

/** Whether a device is one of its own, and no CPU that stands in for it. */
function isCardName(device: string): boolean {
  return !isEmulatedName(device) && !/^(cpu|unknown)$|CPU \(/i.test(device);
}

const isEmulatedName = (device: string) => /llvmpipe|swiftshader/i.test(device);

/** Times that the part of speed measured, in one form for all targets. */
function timesIn(parts: readonly Part[], results: ReadonlyMap<string, StepResult>): MeasuredTime[] {
  const part = parts.find(({ criterion }) => criterion === "speed");
  const data = part && results.get(part.experiment.id)?.data;
  if (!data) return [];
  const rows = (what: MeasuredTime["what"], list: unknown) =>
    (list as (Omit<MeasuredTime, "what" | "ms"> & { readonly ms: Spread })[]).map((row) => ({
      ...row,
      what,
    }));
  return [...rows("layer", data.layers ?? []), ...rows("model", data.models ?? [])];
}

function caveatsOf(device: string, isCard: boolean, quick: boolean): string[] {
  const caveats: string[] = [];
  if (!isCard) {
    caveats.push(
      `${device} is no graphics card: what holds here says nothing of a card, its driver or its ` +
        "speed",
    );
  }
  if (quick) caveats.push("--quick: fewer shapes, smaller networks and a short soak");
  return caveats;
}
