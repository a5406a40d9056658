import { randomUUID } from "node:crypto";
import type { Facts } from "../doctor/index.ts";
import { RekindleError } from "../errors.ts";
import { type Host, startOfProcess, sweep } from "../host/index.ts";
import type { CommandLine, Confinement } from "./confine.ts";
import type { Experiment } from "./experiment.ts";
import { Journal, type JournalState } from "./journal.ts";
import {
  bootIdOf,
  lastLinesOfBoot,
  linesOfStep,
  logPosition,
  tellsOfReset,
} from "./kernel-watch.ts";
import type { Outcome, StepResult } from "./result.ts";
import { causesOf, type Prepared, prepareStep, type StepSurroundings } from "./step.ts";
import { orderOf } from "./targets.ts";

export interface TrialOptions {
  readonly host: Host;
  readonly confinement: Confinement;
  readonly facts?: Facts;
  /** An absolute path. */
  readonly journal: string;
  /** What the command was asked to do, for a new journal. */
  readonly order?: object;
  /** Steps that killed the machine in earlier trials: not repeated. */
  readonly killers?: ReadonlySet<string>;
  /** Does again what hung or rebooted the machine, or was cut off, in this journal. */
  readonly repeat?: boolean;
  readonly graceMs?: number;
  readonly settleMs?: number;
}

/** A step's process, and the mark in the environments of all that it starts. */
interface Started {
  readonly token: string;
  readonly step: Prepared;
}

/** After so many hangs or resets the card is left alone. */
const hangsMax = 3;

/** Runs experiments one after the other, each written down before and after. */
export class Trial {
  readonly #options: TrialOptions;
  readonly #journal: Journal;
  readonly #boot: string;
  readonly #results: Map<string, StepResult>;
  readonly #killers: ReadonlySet<string>;
  /** The processes for the steps that come next, by their ids: they load libraries meanwhile. */
  readonly #spares = new Map<string, Started>();
  #running: Prepared | undefined;
  #current: string | undefined;
  #isStopped = false;
  /** Why no further step is run. */
  #closed: string | undefined;
  #hangs = 0;
  /** The step that a sudden end of the trial before had left open. */
  settled: { readonly step: string; readonly result: StepResult } | undefined;

  private constructor(options: TrialOptions, journal: Journal, boot: string) {
    this.#options = options;
    this.#boot = boot;
    this.#journal = journal;
    const known = [...journal.state.results];
    this.#results = new Map(
      known.filter(([, { outcome }]) => !options.repeat || !isSudden(outcome)),
    );
    this.#killers = options.killers ?? new Set();
  }

  /**
   * Opens a journal, or goes on with it: a step that was left unfinished gets its result now.
   *
   * Throws "file-invalid" where it cannot be written, is none, or is in use.
   */
  static async open(options: TrialOptions): Promise<Trial> {
    const boot = await bootIdOf(options.host);
    const journal = new Journal(options.journal, boot);
    try {
      const { state } = journal;
      refuseIfInUse(state, boot, options.journal);
      if (state.order === undefined) journal.run(options.order ?? {});
      journal.open(process.pid, startOfProcess(process.pid));
      const trial = new Trial(options, journal, boot);
      await trial.#settle(state, boot);
      return trial;
    } catch (error) {
      journal.close();
      throw error;
    }
  }

  /** Starts of the machine that the journal spans. */
  get boots(): number {
    return new Set([...this.#journal.state.boots, this.#boot]).size;
  }

  get results(): ReadonlyMap<string, StepResult> {
    return this.#results;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /**
   * The result of an experiment: from the journal, or by running it. `next` are those that probably
   * come after it, whose processes are started ahead. Throws "file-invalid" where the journal
   * cannot be written: then nothing was run.
   */
  async perform(
    experiment: Experiment,
    command: CommandLine,
    next: readonly Experiment[] = [],
  ): Promise<StepResult> {
    const known = this.#results.get(experiment.id);
    if (known) return known;
    const reason = this.#reasonAgainst(experiment);
    if (reason !== undefined) return notRun(reason);
    const { host } = this.#options;
    const position = await logPosition(host);
    const { token, step } = this.#take(experiment, command);
    try {
      this.#journal.begin(experiment.id, token, position);
    } catch (error) {
      step.stop();
      throw error;
    }
    this.#running = step;
    this.#current = experiment.id;
    if (this.#isStopped) step.stop();
    const running = step.run(orderOf(experiment), position);
    if (!this.#isStopped) this.#startAhead(next, command);
    const result = await running;
    this.#running = undefined;
    this.#current = undefined;
    this.#journal.end(experiment.id, result);
    if (result.outcome !== "stopped") this.#results.set(experiment.id, result);
    this.#weigh(result);
    return result;
  }

  /** Ends the step that runs; no further one is begun. */
  stop(): void {
    this.#isStopped = true;
    this.#running?.stop();
    this.#stopSpares();
  }

  /** Writes that nothing is left to do. Throws as `perform` does. */
  finish(): void {
    this.#journal.done();
  }

  /** Closes the journal and lets no process of ours live on. */
  dispose(): void {
    this.#stopSpares();
    this.#journal.close();
  }

  /** Gives a step its result that was begun when this process's forerunner came to its end. */
  async #settle({ unfinished }: JournalState, boot: string): Promise<void> {
    if (!unfinished) return;
    const { step, token, at } = unfinished;
    const leftBehind = sweep(token);
    const { host, facts } = this.#options;
    const isSameBoot = unfinished.boot === boot;
    const kernelLines = isSameBoot
      ? await linesOfStep(host, unfinished.kernelLog, false, 0)
      : await lastLinesOfBoot(host, unfinished.boot, unfinished.time);
    const causes = await causesOf("", kernelLines, facts);
    const result: StepResult = {
      ...(isSameBoot ? ofKilledTrial(kernelLines) : ofDeadMachine),
      timeMs: 0,
      ...(at !== undefined && { at }),
      ...(kernelLines.length > 0 && { kernelLines }),
      ...(causes.length > 0 && { causes }),
      ...(leftBehind > 0 && { leftBehind }),
    };
    this.#journal.end(step, result);
    this.settled = { step, result };
    if (this.#options.repeat) return;
    this.#results.set(step, result);
    this.#weigh(result);
  }

  #reasonAgainst({ id, refusal, needs }: Experiment): string | undefined {
    if (this.#isStopped) return "stopped before";
    if (refusal !== undefined) return refusal;
    if (this.#killers.has(id)) {
      return "it hung or rebooted the machine in an earlier trial; --again repeats it";
    }
    const missing = needs.find(
      (need) => (this.#results.get(need)?.outcome ?? "passed") !== "passed",
    );
    return missing === undefined ? this.#closed : `${missing} did not pass`;
  }

  /** The process that was started ahead for this experiment, or a new one. */
  #take(experiment: Experiment, command: CommandLine): Started {
    const started = this.#spares.get(experiment.id) ?? this.#start(experiment, command);
    this.#spares.delete(experiment.id);
    return started;
  }

  /** Starts the processes of what comes next, and ends those of what does not. */
  #startAhead(next: readonly Experiment[], command: CommandLine): void {
    const wanted = next.filter(({ id }) => !this.#results.has(id));
    for (const [id, { step }] of this.#spares) {
      if (wanted.some((experiment) => experiment.id === id)) continue;
      step.stop();
      this.#spares.delete(id);
    }
    for (const experiment of wanted) {
      if (this.#spares.has(experiment.id)) continue;
      this.#spares.set(experiment.id, this.#start(experiment, command));
    }
  }

  #stopSpares(): void {
    for (const { step } of this.#spares.values()) step.stop();
    this.#spares.clear();
  }

  #start(experiment: Experiment, command: CommandLine): Started {
    const token = randomUUID();
    const { host, confinement, facts, graceMs, settleMs } = this.#options;
    const surroundings: StepSurroundings = {
      host,
      confinement,
      ...(facts && { facts }),
      ...(graceMs !== undefined && { graceMs }),
      ...(settleMs !== undefined && { settleMs }),
      onAt: (at) => this.#note(experiment.id, at),
    };
    return { token, step: prepareStep(experiment, command, token, surroundings) };
  }

  /** Writes down how far the running step is. */
  #note(id: string, at: string): void {
    if (this.#current !== id) return;
    try {
      this.#journal.at(id, at);
    } catch {
      // A full disk ends the trial at the next step; this one may still give its result.
    }
  }

  /** After what is grave, nothing further is done to the card. */
  #weigh({ outcome, unkillable }: StepResult): void {
    if (unkillable) {
      this.#closed = "a driver holds an earlier step: restart the machine, then use --resume";
    }
    if (["hang", "gpu-reset", "machine-died"].includes(outcome)) this.#hangs++;
    if (this.#hangs >= hangsMax) {
      this.#closed ??= `${hangsMax} steps hung or reset the GPU; --only runs single ones`;
    }
  }
}

const isSudden = (outcome: Outcome) => outcome === "machine-died" || outcome === "interrupted";

function notRun(detail: string): StepResult {
  return { outcome: "not-run", detail, timeMs: 0 };
}

const ofDeadMachine = {
  outcome: "machine-died",
  detail: "the machine was restarted during this step: it hung or rebooted",
} as const;

/** A reset of the GPU ends the desktop, and with it the terminal in which the trial runs. */
function ofKilledTrial(kernelLines: readonly string[]): Pick<StepResult, "outcome" | "detail"> {
  if (tellsOfReset(kernelLines)) {
    return { outcome: "gpu-reset", detail: "the kernel reset the GPU, and the trial was killed" };
  }
  const detail = "the trial was killed during this step, and the machine went on";
  return { outcome: "interrupted", detail };
}

function refuseIfInUse({ writer }: JournalState, boot: string, path: string): void {
  if (!writer || writer.boot !== boot || writer.pid === process.pid) return;
  if (writer.started === undefined || startOfProcess(writer.pid) !== writer.started) return;
  throw new RekindleError("file-invalid", `${path} is in use by process ${writer.pid}`, {
    fix: "wait until that trial has ended, or end it",
  });
}
