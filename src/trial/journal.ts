import { z } from "zod";
import { RekindleError } from "../errors.ts";
import { type AppendLog, openAppendLog, parseLines } from "../host/index.ts";
import type { LogPosition } from "./kernel-watch.ts";
import { outcomes, type StepResult } from "./result.ts";

/*
 * What a trial writes down before and after every step, so that whatever ends it, the machine
 * included, is part of what was learned. docs/trial.md describes the records.
 */

const stamp = { time: z.string(), boot: z.string() };
const resultSchema = z.looseObject({
  outcome: z.enum(outcomes),
  detail: z.string(),
  timeMs: z.number(),
});
const recordSchema = z.discriminatedUnion("event", [
  z.object({
    event: z.literal("run"),
    version: z.literal(1),
    ...stamp,
    /** What the command was asked to do; a resumed one does the same. */
    order: z.record(z.string(), z.unknown()),
  }),
  z.object({
    event: z.literal("open"),
    ...stamp,
    pid: z.number(),
    started: z.string().optional(),
  }),
  z.object({
    event: z.literal("begin"),
    ...stamp,
    step: z.string(),
    token: z.string(),
    kernelLog: z.object({ source: z.string(), lastLine: z.string() }).exactOptional(),
  }),
  z.object({ event: z.literal("at"), step: z.string(), at: z.string() }),
  z.object({ event: z.literal("end"), ...stamp, step: z.string(), result: resultSchema }),
  z.object({ event: z.literal("done"), ...stamp }),
]);
type JournalRecord = z.infer<typeof recordSchema>;

/** A step of which only the beginning is written. */
export interface Unfinished {
  readonly step: string;
  readonly time: string;
  readonly boot: string;
  readonly token: string;
  /** Where the kernel's log ended when it began. */
  readonly kernelLog?: LogPosition;
  /** The last place that it announced. */
  readonly at?: string;
}

/** What a journal says so far. */
export interface JournalState {
  /** When and in which start of the machine it was begun. */
  readonly begun?: { readonly time: string; readonly boot: string };
  readonly order?: Readonly<Record<string, unknown>>;
  readonly results: ReadonlyMap<string, StepResult>;
  readonly unfinished?: Unfinished;
  /** The process that wrote last. */
  readonly writer?: { readonly boot: string; readonly pid: number; readonly started?: string };
  readonly isDone: boolean;
  readonly boots: readonly string[];
}

/** What the records of a journal amount to. Throws "file-invalid" where they are no journal. */
function readState(records: readonly unknown[], path: string): JournalState {
  const results = new Map<string, StepResult>();
  const boots = new Set<string>();
  let state: Omit<JournalState, "results" | "boots"> = { isDone: false };
  for (const [i, value] of records.entries()) {
    const record = parse(value, i, path);
    if ("boot" in record) boots.add(record.boot);
    if (record.event === "run") {
      const { time, boot, order } = record;
      state = { ...state, begun: { time, boot }, order, isDone: false };
    } else if (record.event === "open") {
      const { boot, pid, started } = record;
      state = { ...state, writer: { boot, pid, ...(started && { started }) }, isDone: false };
    } else if (record.event === "begin") {
      const { event: _, ...begun } = record;
      state = { ...state, unfinished: begun };
    } else if (record.event === "at" && state.unfinished?.step === record.step) {
      state = { ...state, unfinished: { ...state.unfinished, at: record.at } };
    } else if (record.event === "end") {
      results.delete(record.step);
      // What the user stopped is to be done again.
      if (record.result.outcome !== "stopped") results.set(record.step, record.result);
      const { unfinished: _, ...rest } = state;
      state = rest;
    } else if (record.event === "done") state = { ...state, isDone: true };
  }
  return { ...state, results, boots: [...boots] };
}

function parse(value: unknown, index: number, path: string): JournalRecord {
  const parsed = recordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new RekindleError("file-invalid", `${path}:${index + 1} is no record of a trial`, {
    fix: "name a journal that rekindle trial wrote, or a new file",
  });
}

/** The state of a journal's text, to look at it without writing. */
export const stateOfText = (text: string, path: string): JournalState =>
  readState(parseLines(text, path), path);

/** Writes records; each is on disk before the call returns. */
export class Journal {
  readonly #log: AppendLog;
  readonly #boot: string;
  readonly state: JournalState;

  /** Throws "file-invalid" where the file cannot be written or is no journal. */
  constructor(path: string, boot: string) {
    this.#log = openAppendLog(path);
    this.#boot = boot;
    this.state = readState(this.#log.records, path);
  }

  get path(): string {
    return this.#log.path;
  }

  run(order: object): void {
    this.#write({ event: "run", version: 1, ...this.#stamp(), order });
  }

  open(pid: number, started: string | undefined): void {
    this.#write({ event: "open", ...this.#stamp(), pid, started });
  }

  begin(step: string, token: string, kernelLog: LogPosition | undefined): void {
    this.#write({ event: "begin", ...this.#stamp(), step, token, kernelLog });
  }

  /** How far a step has come; a crash right after leaves it written. */
  at(step: string, at: string): void {
    this.#write({ event: "at", step, at });
  }

  end(step: string, result: StepResult): void {
    this.#write({ event: "end", ...this.#stamp(), step, result });
  }

  done(): void {
    this.#write({ event: "done", ...this.#stamp() });
  }

  close(): void {
    this.#log.close();
  }

  #stamp() {
    return { time: new Date().toISOString(), boot: this.#boot };
  }

  #write(record: object): void {
    this.#log.append(record);
  }
}
