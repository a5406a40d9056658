import { availableParallelism } from "node:os";
import { z } from "zod";
import { RekindleError } from "../errors.ts";
import type { Host } from "../host/index.ts";
import { findConfinement } from "./confine.ts";
import { type Experiment, type Risk, riskMeaning, risks } from "./experiment.ts";
import { stateOfText } from "./journal.ts";
import { logPosition } from "./kernel-watch.ts";
import { machineOf, quickFacts } from "./machine.ts";
import { countsOf, reported, type TrialReport, unreadable } from "./report.ts";
import type { StepResult } from "./result.ts";
import { type Search, searchChanges, worthSearching } from "./search.ts";
import { switches } from "./switches.ts";
import {
  checkTarget,
  commandFor,
  experimentsFor,
  type Target,
  type TargetName,
  targetNames,
} from "./targets.ts";
import { findPython } from "./torch.ts";
import { Trial } from "./trial.ts";

export const orderSchema = z.object({
  target: z.enum(targetNames),
  python: z.string().exactOptional(),
  device: z.string().exactOptional(),
  /** The greatest risk that is taken. */
  risk: z.enum(["safe", "crash", "hang"]),
  /** Parts of ids; empty: everything. */
  only: z.array(z.string()),
  /** Looks for the smallest change that makes failing steps pass. */
  search: z.boolean(),
  /** What is tried, so that what killed the machine is known again. */
  subject: z.string(),
});

/** What a user asks a trial to do; its journal keeps it, so that it can go on. */
export type TrialOrder = Readonly<z.infer<typeof orderSchema>>;

/** The command that asks for an order. */
export function commandOf({ target, python, device, risk, only, search }: TrialOrder): string {
  return commandLine([
    "trial",
    ...["--target", target],
    ...(python === undefined ? [] : ["--python", python]),
    ...(device === undefined ? [] : ["--device", device]),
    ...["--risk", risk],
    ...(risk === "hang" ? ["--yes"] : []),
    ...(only.length === 0 ? [] : ["--only", ...only]),
    ...(search ? [] : ["--no-search"]),
  ]);
}

/** Words as they are typed into a shell: those with other characters in quotes. */
export function commandLine(words: readonly string[]): string {
  const quoted = words.map((word) =>
    /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  return ["rekindle", ...quoted].join(" ");
}

/** The order that a journal began with. Throws "file-invalid" where it has none. */
export async function orderIn(host: Host, journal: string): Promise<TrialOrder> {
  const text = Buffer.from(await host.readFile(journal, "journal")).toString("utf8");
  const { success, data } = orderSchema.safeParse(stateOfText(text, journal).order);
  if (success) return data;
  throw new RekindleError("file-invalid", `${journal} does not say what was to be tried`, {
    fix: "name a journal that rekindle trial wrote",
  });
}

export interface TrialProgress {
  readonly id: string;
  readonly done: number;
  /** Unknown while changes are searched for. */
  readonly total?: number;
  readonly result?: StepResult;
}

export interface RunTrialOptions {
  readonly host: Host;
  readonly journal: string;
  /** Steps that hung or rebooted the machine before. */
  readonly killers: ReadonlySet<string>;
  /** Does again what the journal has as having hung or rebooted the machine. */
  readonly repeat: boolean;
  readonly onProgress: (progress: TrialProgress) => void;
  /** Aborted when the user wants to stop. */
  readonly signal: AbortSignal;
}

/** The target of an order, and its name with version. */
export async function targetOf(
  host: Host,
  name: TargetName,
  python: string | undefined,
): Promise<{ readonly target: Target; readonly subject: string }> {
  if (name !== "torch") {
    return { target: { name }, subject: name === "engine" ? "rekindle" : "ONNX Runtime" };
  }
  const torch = await findPython(host, python);
  if (!torch) {
    throw new RekindleError("usage", "no Python with torch was found on the PATH", {
      fix: "name one, --python path/to/venv/bin/python, or try the engine: --target engine",
    });
  }
  const machine = machineOf(await quickFacts(host), host.env, torch.hip !== undefined);
  const subject = `torch ${torch.version ?? "of unknown version"} (${torch.python})`;
  return { target: { name, python: torch.python, machine }, subject };
}

/** The experiments of an order, in their order. Throws "usage" where `only` names none. */
export function chosenExperiments(target: Target, order: TrialOrder): Experiment[] {
  const all = experimentsFor(target, order.device);
  const { only } = order;
  const chosen = all.filter(({ id }) => only.length === 0 || only.some((o) => id.includes(o)));
  if (chosen.length > 0) return chosen;
  throw new RekindleError("usage", `no experiment's id contains ${only.join(" or ")}`, {
    fix: "rekindle trial --list names all experiments",
  });
}

/**
 * Runs the experiments of an order, or goes on with those of a journal. Never harms this process:
 * each step has its own.
 *
 * Throws "file-invalid" where the journal cannot be written, and "file-missing" where what runs the
 * steps is missing.
 */
export async function runTrial(
  target: Target,
  order: TrialOrder,
  options: RunTrialOptions,
): Promise<TrialReport> {
  const { host, journal, killers, repeat, onProgress, signal } = options;
  await checkTarget(target, host);
  const experiments = chosenExperiments(target, order);
  const facts = await quickFacts(host);
  const confinement = await findConfinement(host);
  const log = (await logPosition(host))?.source;
  const kernelLog = log ?? (host.platform === "linux" ? unreadable : undefined);
  const trial = await Trial.open({ host, confinement, facts, journal, order, killers, repeat });
  const stop = () => trial.stop();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    const work: Work = { target, order, trial, onProgress };
    const startedAt = new Date().toISOString();
    const results = await runAll(experiments, work);
    const search = order.search ? await runSearch(experiments, results, work) : undefined;
    if (!trial.isStopped) trial.finish();
    const steps = reported(experiments, results);
    const device = steps.find((step) => step.device !== undefined)?.device;
    return {
      schema: "rekindle-trial/1",
      target: target.name,
      subject: order.subject,
      ...(device !== undefined && { device }),
      startedAt,
      boots: trial.boots,
      confinement: confinement.name,
      ...(kernelLog && { kernelLog }),
      journal,
      steps,
      ...(search && search.changes.length > 0 && { search }),
      counts: countsOf(steps.map(({ outcome }) => outcome)),
      isComplete: !trial.isStopped,
    };
  } finally {
    signal.removeEventListener("abort", stop);
    trial.dispose();
  }
}

interface Work {
  readonly target: Target;
  readonly order: TrialOrder;
  readonly trial: Trial;
  readonly onProgress: RunTrialOptions["onProgress"];
}

/**
 * So many processes load their libraries while a step runs. PyTorch 2.13 for CPUs takes 3 s of one
 * core for it, and 220 MB; a build for a GPU takes more.
 */
const startedAhead = Math.max(1, Math.min(3, Math.floor(availableParallelism() / 4)));

/** Results by id; those above the risk that is taken say so. */
async function runAll(
  experiments: readonly Experiment[],
  { target, order, trial, onProgress }: Work,
): Promise<Map<string, StepResult>> {
  const command = commandFor(target);
  const allowed = experiments.filter(({ risk }) => isWithin(risk, order.risk));
  const results = new Map<string, StepResult>();
  for (const experiment of experiments) {
    const at = allowed.indexOf(experiment);
    if (at < 0) {
      results.set(experiment.id, notTaken(experiment));
      continue;
    }
    onProgress({ id: experiment.id, done: at, total: allowed.length });
    const next = allowed.slice(at + 1, at + 1 + startedAhead);
    const result = await trial.perform(experiment, command, next);
    results.set(experiment.id, result);
    onProgress({ id: experiment.id, done: at + 1, total: allowed.length, result });
  }
  return results;
}

async function runSearch(
  experiments: readonly Experiment[],
  results: ReadonlyMap<string, StepResult>,
  { target, order, trial, onProgress }: Work,
): Promise<Search | undefined> {
  if (target.name !== "torch") return undefined;
  const { machine } = target;
  const failed = worthSearching(experiments, results, order.risk === "hang");
  let done = 0;
  return await searchChanges(
    failed,
    (experiment) => switches.filter((one) => one.suits(experiment, machine)),
    async (experiment) => {
      onProgress({ id: experiment.id, done });
      const result = await trial.perform(experiment, commandFor(target));
      onProgress({ id: experiment.id, done: ++done, result });
      return result;
    },
  );
}

const isWithin = (risk: Risk, most: Risk) => risks.indexOf(risk) <= risks.indexOf(most);

function notTaken({ risk, refusal, danger }: Experiment): StepResult {
  const why = danger === undefined ? "" : ` (${danger})`;
  const detail = refusal ?? `it ${riskMeaning[risk]}${why}: --risk ${risk} includes it`;
  return { outcome: "not-run", detail, timeMs: 0 };
}

/**
 * Gives the step of a journal its result that was running when its trial came to a sudden end;
 * undefined where none was.
 */
export async function settle(
  host: Host,
  journal: string,
): Promise<{ readonly step: string; readonly result: StepResult } | undefined> {
  const trial = await Trial.open({ host, confinement: await findConfinement(host), journal });
  trial.dispose();
  return trial.settled;
}
