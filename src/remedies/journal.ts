import { z } from "zod";
import { RekindleError } from "../errors.ts";
import { type AppendLog, openAppendLog, parseLines } from "../host/index.ts";
import { type Plan, planSchema, type Step } from "./step.ts";

/*
 * What a fix writes down, each line on disk before what it announces: the plan, what was kept of
 * each path, the beginning and the end of each step, forwards and backwards. docs/remedies.md
 * describes the records.
 */

const stamp = { time: z.string(), boot: z.string() };
const keptSchema = z.strictObject({
  path: z.string(),
  kind: z.enum(["absent", "file", "folder", "link", "other"]),
  name: z.string(),
});
const proofSchema = z.strictObject({
  what: z.string(),
  answer: z.enum(["passed", "failed", "not-run"]),
  detail: z.string(),
});
/** What came of one stage of the verification. */
export type Proof = z.infer<typeof proofSchema>;

export const outcomes = [
  /** All is done, and the verification passed. */
  "worked",
  /** All is done; the verification could not be made here. */
  "unproven",
  /** Something failed, and everything is as it was. */
  "rolled-back",
  /** Taken back because the user asked. */
  "undone",
] as const;
export type Outcome = (typeof outcomes)[number];

const recordSchema = z.discriminatedUnion("event", [
  z.object({
    event: z.literal("plan"),
    version: z.literal(1),
    ...stamp,
    plan: planSchema,
    /** What stands for "/": a sandbox, or an image of a machine. */
    root: z.string(),
  }),
  z.object({
    event: z.literal("open"),
    ...stamp,
    pid: z.number(),
    started: z.string().exactOptional(),
  }),
  z.object({ event: z.literal("begin"), ...stamp, step: z.string(), token: z.string() }),
  z.object({ event: z.literal("kept"), step: z.string(), kept: keptSchema }),
  z.object({
    event: z.literal("end"),
    ...stamp,
    step: z.string(),
    /** SHA-256 of the files that it touched, as it left them. */
    left: z.record(z.string(), z.string()),
    wasDone: z.boolean(),
  }),
  z.object({ event: z.literal("failed"), ...stamp, step: z.string(), why: z.string() }),
  z.object({ event: z.literal("proofs"), ...stamp, proofs: z.array(proofSchema) }),
  /** From here on it goes backwards. */
  z.object({ event: z.literal("back"), ...stamp, why: z.enum(["failed", "asked"]) }),
  z.object({ event: z.literal("taken-back"), ...stamp, step: z.string() }),
  z.object({ event: z.literal("outcome"), ...stamp, outcome: z.enum(outcomes) }),
]);
type JournalRecord = z.infer<typeof recordSchema>;

type KeptRecord = z.infer<typeof keptSchema>;

/** What a journal says of one step. */
export interface StepState {
  readonly status: "begun" | "done" | "was-done" | "failed" | "taken-back";
  readonly token: string;
  /** The start of the machine in which it was begun. */
  readonly boot: string;
  readonly kept: readonly KeptRecord[];
  readonly left: Readonly<Record<string, string>>;
}

/** What a journal says so far. */
export interface FixState {
  readonly plan: Plan;
  readonly root: string;
  readonly startedAt: string;
  readonly steps: ReadonlyMap<string, StepState>;
  /** Why it goes backwards, where it does. */
  readonly back?: "failed" | "asked";
  readonly why?: string;
  readonly proofs: readonly Proof[];
  readonly outcome?: Outcome;
  readonly endedAt?: string;
  /** The process that wrote last. */
  readonly writer?: { readonly boot: string; readonly pid: number; readonly started?: string };
}

type Draft = { -readonly [K in keyof FixState]: FixState[K] } & { steps: Map<string, StepState> };

/** What the records amount to; undefined for none. Throws "file-invalid" where they are no fix. */
function readState(records: readonly unknown[], path: string): FixState | undefined {
  let state: Draft | undefined;
  for (const [i, value] of records.entries()) {
    const record = parse(value, i, path);
    if (record.event === "plan") {
      const { plan, root, time } = record;
      state = { plan, root, startedAt: time, steps: new Map(), proofs: [] };
    } else if (!state) {
      throw notAJournal(path, i);
    } else if ("step" in record) readStep(state, record);
    else readRest(state, record);
  }
  return state;
}

function readStep(state: Draft, record: Extract<JournalRecord, { step: string }>): void {
  const { step } = record;
  const known = state.steps.get(step);
  if (record.event === "begin") {
    const { token, boot } = record;
    // Begun again after an interruption: what was kept at first is what was there.
    const kept = known?.kept ?? [];
    delete state.why;
    state.steps.set(step, { status: "begun", token, boot, kept, left: {} });
    return;
  }
  const before = known ?? { status: "begun", token: "", boot: "", kept: [], left: {} };
  if (record.event === "kept") {
    state.steps.set(step, { ...before, kept: [...before.kept, record.kept] });
  } else if (record.event === "end") {
    const status = record.wasDone ? "was-done" : "done";
    state.steps.set(step, { ...before, status, left: record.left });
  } else if (record.event === "failed") {
    state.steps.set(step, { ...before, status: "failed" });
    state.why = record.why;
  } else state.steps.set(step, { ...before, status: "taken-back" });
}

function readRest(state: Draft, record: Exclude<JournalRecord, { step: string }>): void {
  if (record.event === "open") {
    const { boot, pid, started } = record;
    state.writer = { boot, pid, ...(started !== undefined && { started }) };
  } else if (record.event === "proofs") state.proofs = record.proofs;
  else if (record.event === "back") {
    state.back = record.why;
    delete state.outcome;
  } else if (record.event === "outcome") {
    state.outcome = record.outcome;
    state.endedAt = record.time;
  }
}

function parse(value: unknown, index: number, path: string): JournalRecord {
  const parsed = recordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw notAJournal(path, index);
}

const notAJournal = (path: string, index: number) =>
  new RekindleError("file-invalid", `${path}:${index + 1} is no record of a fix`, {
    fix: "rekindle history lists those that can be read",
  });

/** The state of a journal's text, to look at it without writing. */
export const stateOfText = (text: string, path: string): FixState | undefined =>
  readState(parseLines(text, path), path);

/** Writes records; each is on disk before the call returns. All throw "file-invalid". */
export class FixJournal {
  readonly #log: AppendLog;
  readonly #boot: string;

  constructor(path: string, boot: string) {
    this.#log = openAppendLog(path);
    this.#boot = boot;
  }

  /** As it was when the file was opened. */
  get state(): FixState | undefined {
    return readState(this.#log.records, this.#log.path);
  }

  plan(plan: Plan, root: string): void {
    this.#write({ event: "plan", version: 1, ...this.#stamp(), plan, root });
  }

  open(pid: number, started: string | undefined): void {
    this.#write({ event: "open", ...this.#stamp(), pid, ...(started && { started }) });
  }

  begin({ id }: Step, token: string): void {
    this.#write({ event: "begin", ...this.#stamp(), step: id, token });
  }

  kept({ id }: Step, kept: KeptRecord): void {
    this.#write({ event: "kept", step: id, kept });
  }

  end({ id }: Step, left: Readonly<Record<string, string>>, wasDone = false): void {
    this.#write({ event: "end", ...this.#stamp(), step: id, left: { ...left }, wasDone });
  }

  failed({ id }: Step, why: string): void {
    this.#write({ event: "failed", ...this.#stamp(), step: id, why });
  }

  proofs(proofs: readonly Proof[]): void {
    this.#write({ event: "proofs", ...this.#stamp(), proofs: [...proofs] });
  }

  back(why: "failed" | "asked"): void {
    this.#write({ event: "back", ...this.#stamp(), why });
  }

  takenBack({ id }: Step): void {
    this.#write({ event: "taken-back", ...this.#stamp(), step: id });
  }

  outcome(outcome: Outcome): void {
    this.#write({ event: "outcome", ...this.#stamp(), outcome });
  }

  close(): void {
    this.#log.close();
  }

  #stamp() {
    return { time: new Date().toISOString(), boot: this.#boot };
  }

  #write(record: JournalRecord): void {
    this.#log.append(record);
  }
}
