import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Facts } from "../doctor/index.ts";
import { messageOf, RekindleError } from "../errors.ts";
import {
  dropReserve,
  type Host,
  keep,
  logFile,
  makeReserve,
  placed,
  putBack,
  rootedHost,
  startOfProcess,
  sweep,
} from "../host/index.ts";
import { bootIdOf } from "../trial/index.ts";
import { type Acted, act, runCommand } from "./act.ts";
import { firstReason } from "./checks.ts";
import { journalIn, logIn, storeIn, touchesOf } from "./command.ts";
import { type Failure, failureOf } from "./failure.ts";
import { hashesOf } from "./hashes.ts";
import { irreversible } from "./irreversible.ts";
import { FixJournal, type FixState, type Outcome, type Proof, type StepState } from "./journal.ts";
import { needsAhead, unmetNeed } from "./needs.ts";
import type { OnFailure } from "./on-failure.ts";
import type { Plan, Step } from "./step.ts";
import type { StepProgress, Surroundings } from "./surroundings.ts";

/** What is happening, for whoever watches. */
export interface FixEvent {
  readonly does: string;
  readonly direction: "forward" | "back" | "verify";
  /** Steps before this one, and all of them. */
  readonly index: number;
  readonly count: number;
  readonly state: "begin" | "progress" | "end" | "was-done";
  readonly progress?: StepProgress;
}

export interface FixOptions {
  readonly machine: Host;
  /** Where the journal, the log and what is kept lie; an absolute path. */
  readonly folder: string;
  /** What a new fix is to do; one that is there goes on with its own plan. */
  readonly plan?: Plan;
  /** What stands for "/", for a new fix. */
  readonly root?: string;
  readonly facts?: Facts;
  readonly signal: AbortSignal;
  readonly onEvent: (event: FixEvent) => void;
  /** Asked before each step; "stop" leaves the fix as it is. */
  readonly confirm?: (step: Step, index: number, count: number) => Promise<"go" | "stop">;
  /** Makes the verifications of the plan. */
  readonly prove: (plan: Plan, around: Surroundings) => Promise<Proof[]>;
  /** "rollback" by default. */
  readonly onFailure?: OnFailure;
  readonly pauseMs?: number;
}

export interface FixResult {
  /**
   * "stopped": the user stopped it; "restart": the machine has to be restarted; "kept": it failed,
   * and what is done is left. All three can go on.
   */
  readonly outcome: Outcome | "stopped" | "restart" | "kept";
  readonly failure?: Failure;
  readonly proofs: readonly Proof[];
  /** Sentences: what could not be taken back, where it was taken back. */
  readonly notUndone?: readonly string[];
}

/** One carrying out of a plan: forwards, and backwards where something fails or the user asks. */
export class Fix {
  readonly state: FixState;
  readonly around: Surroundings;
  readonly #options: FixOptions;
  readonly #journal: FixJournal;
  readonly #boot: string;
  readonly #store: string;
  readonly #steps: Map<string, StepState>;
  #failure: Failure | undefined;

  private constructor(options: FixOptions, journal: FixJournal, state: FixState, boot: string) {
    const { machine, folder, signal, pauseMs = 2000 } = options;
    const host = rootedHost(machine, state.root);
    this.state = state;
    this.#options = options;
    this.#journal = journal;
    this.#boot = boot;
    this.#store = storeIn(folder);
    this.#steps = new Map(state.steps);
    this.around = {
      machine,
      host,
      root: state.root,
      home: machine.env.HOME ?? "/",
      signal,
      log: logFile(logIn(folder)),
      pauseMs,
    };
  }

  /**
   * Opens the fix of a folder, or begins a new one there.
   *
   * Throws "file-invalid" where its journal cannot be written, is none, or is in use.
   */
  static async open(options: FixOptions): Promise<Fix> {
    const { machine, folder, plan, root = "/" } = options;
    const boot = await bootIdOf(machine);
    const journal = new FixJournal(journalIn(folder), boot);
    try {
      const before = journal.state;
      if (before) refuseIfInUse(before, boot, folder);
      else if (plan) journal.plan(plan, root);
      else throw new RekindleError("file-missing", `there is no fix in ${folder}`);
      makeReserve(folder);
      journal.open(process.pid, startOfProcess(process.pid));
      const startedAt = new Date().toISOString();
      const state = before ?? { plan: plan!, root, startedAt, steps: new Map(), proofs: [] };
      return new Fix(options, journal, state, boot);
    } catch (error) {
      journal.close();
      throw error;
    }
  }

  close(): void {
    dropReserve(this.#options.folder);
    this.#journal.close();
  }

  /** Goes on from where it is, in the direction in which it went. Throws as `open` does. */
  async run(): Promise<FixResult> {
    if (this.state.outcome) return { outcome: this.state.outcome, proofs: this.state.proofs };
    if (this.state.back) return await this.#goBack(this.state.back);
    const { steps } = this.state.plan;
    const reason = await unmetNeed(needsAhead(steps), this.around, () => undefined);
    if (reason !== undefined && this.#steps.size === 0) {
      this.#close("rolled-back", []);
      throw new RekindleError("remedy-impossible", reason);
    }
    for (const [index, step] of steps.entries()) {
      const end = await this.#perform(step, index);
      if (end === "failed") return await this.#giveUp([]);
      if (end !== "done") return { outcome: end, proofs: [] };
    }
    return await this.#verify();
  }

  /** Takes everything back: what the user asks for, also of a fix that worked. */
  async undo(): Promise<FixResult> {
    const { outcome, back, proofs } = this.state;
    if (outcome === "undone" || outcome === "rolled-back") return { outcome, proofs };
    return await this.#goBack(back ?? "asked");
  }

  /** Files that somebody changed since the fix left them, which undoing would put back. */
  async changedSince(): Promise<string[]> {
    const left = new Map<string, string>();
    for (const { left: hashes } of this.#steps.values()) {
      for (const [path, hash] of Object.entries(hashes)) left.set(path, hash);
    }
    const now = await hashesOf([...left.keys()], this.around);
    return [...left].filter(([path, hash]) => now[path] !== hash).map(([path]) => path);
  }

  async #perform(step: Step, index: number): Promise<"done" | "failed" | "stopped" | "restart"> {
    const known = this.#steps.get(step.id);
    if (known?.status === "done" || known?.status === "was-done") return "done";
    const { signal } = this.around;
    if (known) await this.#settle(step, known);
    if (step.kind === "restart" && known) return await this.#afterRestart(step, known, index);
    const event = this.#event(step, index, "forward");
    const { doneWhen = [], needs = [] } = step;
    if (!known && doneWhen.length > 0 && !(await firstReason(doneWhen, this.around))) {
      this.#journal.end(step, {}, true);
      event("was-done");
      return "done";
    }
    if (signal.aborted) return "stopped";
    const { confirm } = this.#options;
    const { length } = this.state.plan.steps;
    if (confirm && (await confirm(step, index, length)) === "stop") return "stopped";
    event("begin");
    const onProgress = (progress: StepProgress) => event("progress", progress);
    const unmet = await unmetNeed(needs, this.around, onProgress);
    if (signal.aborted) return "stopped";
    if (unmet !== undefined) return await this.#fail(step, unmet, "");
    const acted = await this.#begin(step, index, known, onProgress);
    if (acted.end === "stopped") return "stopped";
    if (acted.end === "failed") return await this.#fail(step, acted.why, acted.output);
    if (step.kind === "restart") return "restart";
    return await this.#end(step, index);
  }

  /** A step that was left in the middle: its programs are ended, its files put back. */
  async #settle(step: Step, { token, kept }: StepState): Promise<void> {
    if (token !== "") sweep(token);
    if (goesOn(step)) return;
    for (const one of kept.toReversed()) await putBack(one, this.#store);
  }

  async #begin(
    step: Step,
    index: number,
    known: StepState | undefined,
    onProgress: (progress: StepProgress) => void,
  ): Promise<Acted> {
    const token = randomUUID();
    try {
      this.#journal.begin(step, token);
      const kept = [...(known?.kept ?? [])];
      const note = () =>
        this.#steps.set(step.id, { status: "begun", token, boot: this.#boot, kept, left: {} });
      note();
      const touches = touchesOf(step);
      for (const [i, path] of touches.entries()) {
        if (i < kept.length) continue;
        const one = await keep(placed(this.around.root, path), this.#store, `${index}-${i}`);
        this.#journal.kept(step, one);
        kept.push(one);
        note();
      }
    } catch (error) {
      const fix = error instanceof RekindleError && error.fix ? `: ${error.fix}` : "";
      return { end: "failed", why: messageOf(error) + fix, output: "" };
    }
    this.around.log(`\n# ${step.does}\n`);
    const acted = await act(step, token, this.around, onProgress);
    return acted.end === "failed" && this.around.signal.aborted ? { end: "stopped" } : acted;
  }

  async #end(step: Step, index: number): Promise<"done" | "failed"> {
    const reason = await firstReason(step.doneWhen ?? [], this.around);
    if (reason !== undefined) {
      return await this.#fail(step, `afterwards it is not as it should be: ${reason}`, "");
    }
    const left = await hashesOf(touchesOf(step), this.around);
    try {
      this.#journal.end(step, left);
    } catch (error) {
      return await this.#fail(step, messageOf(error), "");
    }
    this.#steps.set(step.id, { ...this.#steps.get(step.id)!, status: "done", left });
    this.#event(step, index, "forward")("end");
    return "done";
  }

  async #afterRestart(step: Step, { boot }: StepState, index: number) {
    return boot === this.#boot ? "restart" : await this.#end(step, index);
  }

  async #fail(step: Step, why: string, output: string): Promise<"failed"> {
    this.around.log(`[failed: ${why}]\n`);
    this.#failure = await failureOf(step.does, why, output, this.#options.facts);
    if (this.#steps.has(step.id)) await this.#write(() => this.#journal.failed(step, why));
    return "failed";
  }

  async #verify(): Promise<FixResult> {
    const { plan } = this.state;
    const proofs = await this.#options.prove(plan, this.around);
    if (this.around.signal.aborted) return { outcome: "stopped", proofs };
    await this.#write(() => this.#journal.proofs(proofs));
    const failed = proofs.find(({ answer }) => answer === "failed");
    if (failed) {
      const does = `verify that ${failed.what}`;
      this.#failure = await failureOf(does, failed.detail, "", this.#options.facts);
      return await this.#giveUp(proofs);
    }
    const isProven = proofs.every(({ answer }) => answer === "passed");
    return this.#close(isProven ? "worked" : "unproven", proofs);
  }

  /** Goes back, or stays where it is: then only a step that has to begin anew is taken back. */
  async #giveUp(proofs: readonly Proof[]): Promise<FixResult> {
    const isBegun = [...this.#steps.values()].some(({ status }) => status !== "was-done");
    if (this.#options.onFailure !== "keep" || !isBegun) {
      return { ...(await this.#goBack("failed")), proofs };
    }
    for (const [index, step] of this.state.plan.steps.entries()) {
      const isHalf = this.#steps.get(step.id)?.status === "begun";
      if (isHalf && !goesOn(step)) await this.#takeBack(step, index);
    }
    return { outcome: "kept", proofs, ...(this.#failure && { failure: this.#failure }) };
  }

  /** Puts back in reverse what the steps did. What has begun is not stopped half-way. */
  async #goBack(why: "failed" | "asked"): Promise<FixResult> {
    if (this.state.back === undefined) await this.#write(() => this.#journal.back(why));
    const { steps } = this.state.plan;
    for (const [index, step] of [...steps.entries()].toReversed()) {
      await this.#takeBack(step, index);
    }
    const isBegun = ({ id }: Step) => {
      const status = this.#steps.get(id)?.status;
      return status !== undefined && status !== "was-done";
    };
    const notUndone = irreversible(this.state.plan, isBegun);
    const result = this.#close(why === "asked" ? "undone" : "rolled-back", this.state.proofs);
    return { ...result, ...(notUndone.length > 0 && { notUndone }) };
  }

  async #takeBack(step: Step, index: number): Promise<void> {
    const known = this.#steps.get(step.id);
    if (!known || known.status === "taken-back" || known.status === "was-done") return;
    const event = this.#event(step, index, "back");
    event("begin");
    await this.#putBack(step, known);
    await this.#write(() => this.#journal.takenBack(step));
    this.#steps.set(step.id, { ...known, status: "taken-back" });
    event("end");
  }

  async #putBack(step: Step, { token, kept }: StepState): Promise<void> {
    if (token !== "") sweep(token);
    this.around.log(`\n# take back: ${step.does}\n`);
    // What has to be taken back is: Ctrl-C does not end it.
    const around = { ...this.around, signal: new AbortController().signal };
    for (const command of step.kind === "run" ? (step.undo ?? []) : []) {
      const acted = await runCommand(command, randomUUID(), around, {});
      if (acted.end === "failed") throw cannotTakeBack(step, acted.why, this.#options.folder);
    }
    try {
      for (const one of kept.toReversed()) await putBack(one, this.#store);
    } catch (cause) {
      throw cannotTakeBack(step, messageOf(cause), this.#options.folder);
    }
  }

  #close(outcome: Outcome, proofs: readonly Proof[]): FixResult {
    dropReserve(this.#options.folder);
    this.#journal.outcome(outcome);
    return { outcome, proofs, ...(this.#failure && { failure: this.#failure }) };
  }

  /** Writes to the journal; on a full disk with the space that was set aside for it. */
  async #write(write: () => void): Promise<void> {
    try {
      write();
    } catch (error) {
      if (!dropReserve(this.#options.folder)) throw error;
      write();
    }
  }

  #event(step: Step, index: number, direction: FixEvent["direction"]) {
    const { does } = step;
    const { length: count } = this.state.plan.steps;
    return (state: FixEvent["state"], progress?: StepProgress) =>
      this.#options.onEvent({
        does,
        direction,
        index,
        count,
        state,
        ...(progress && { progress }),
      });
  }
}

/** Whether a step that is begun again goes on with what is there. */
const goesOn = (step: Step) =>
  step.kind === "run" ? step.continues === true : step.kind === "download";

function refuseIfInUse({ writer }: FixState, boot: string, folder: string): void {
  if (!writer || writer.boot !== boot || writer.pid === process.pid) return;
  if (writer.started === undefined || startOfProcess(writer.pid) !== writer.started) return;
  throw new RekindleError("file-invalid", `${folder} is in use by process ${writer.pid}`, {
    fix: "wait until it has ended, or end it",
  });
}

const cannotTakeBack = (step: Step, why: string, folder: string) =>
  new RekindleError("file-invalid", `cannot take back "${step.does}": ${why}`, {
    fix: `remove what is in the way, then rekindle undo again; ${join(folder, "kept")} has all`,
  });
