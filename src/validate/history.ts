import { z } from "zod";
import { type Host, openAppendLog, parseLines } from "../host/index.ts";
import { type JournalState, journalsIn, settle, stateOfText } from "../trial/index.ts";
import { criterionIds } from "./criteria.ts";

const output = z.object({ digest: z.string(), values: z.string() });

/** What a case gave: a hash of all bits, and the first numbers as float32 in base64. */
export type RepeatOutput = z.infer<typeof output>;

const entrySchema = z.object({
  time: z.string(),
  boot: z.string(),
  target: z.string(),
  subject: z.string(),
  device: z.string(),
  /** The command that does it again. */
  command: z.string(),
  verdicts: z.partialRecord(z.enum(criterionIds), z.enum(["met", "not met", "not shown"])),
  outputs: z.record(z.string(), output),
});

/** A validation, as far as later ones need to know. */
export type HistoryEntry = z.infer<typeof entrySchema>;

/** Entries of a history; those of another version are left out. */
export function readEntries(records: readonly unknown[]): HistoryEntry[] {
  return records.flatMap((record) => entrySchema.safeParse(record).data ?? []);
}

/** Earlier validations of the same subject on the same device, the oldest first. */
export async function historyOf(
  host: Host,
  path: string,
  { subject, device }: Pick<HistoryEntry, "subject" | "device">,
): Promise<HistoryEntry[]> {
  const text = await host.readText(path);
  if (text === undefined) return [];
  const entries = readEntries(parseLines(text, path));
  const isSame = (e: HistoryEntry) => e.device === device || e.device === unknownDevice;
  return entries.filter((e) => e.subject === subject && isSame(e));
}

/** A validation that ended before any part could tell what it runs on. */
const unknownDevice = "unknown";

/**
 * Finds validations in a folder during which the machine went down, and adds them as failed ones of
 * their boots. Throws "file-invalid" where one of them is still running.
 */
export async function rememberDeaths(host: Host, folder: string, history: string): Promise<void> {
  for (const journal of await journalsIn(host, folder)) {
    const text = await host.readText(journal);
    const state = text === undefined || journal === history ? undefined : readable(text, journal);
    if (!state?.unfinished) continue;
    const settled = await settle(host, journal);
    if (settled?.result.outcome !== "machine-died") continue;
    const { boot } = state.unfinished;
    const device = [...state.results.values()].find((r) => r.device !== undefined)?.device;
    remember(history, {
      time: new Date().toISOString(),
      boot,
      target: String(state.order?.target),
      subject: String(state.order?.subject),
      device: device ?? unknownDevice,
      command: String(state.order?.command),
      verdicts: { stability: "not met" },
      outputs: {},
    });
  }
}

/** One that is damaged or of another version tells nothing. */
function readable(text: string, path: string): JournalState | undefined {
  try {
    return stateOfText(text, path);
  } catch {
    return undefined;
  }
}

/** Adds a validation. Throws "file-invalid" where it cannot be written. */
export function remember(path: string, entry: HistoryEntry): void {
  const log = openAppendLog(path);
  try {
    log.append(entry);
  } finally {
    log.close();
  }
}

/** Whether a validation found nothing that speaks against a stable machine. */
export function isSound({ verdicts }: HistoryEntry): boolean {
  const ofStability = ["convolutions", "stability", "reproducible", "models"] as const;
  return ofStability.every((id) => verdicts[id] !== "not met");
}

/** The first number in which two outputs differ. */
export interface Difference {
  readonly id: string;
  /** Undefined where it lies behind the numbers that are kept. */
  readonly index?: number;
  readonly first?: number;
  readonly second?: number;
}

/** The first difference between what two processes or boots gave; undefined where there is none. */
export function firstDifference(
  a: Readonly<Record<string, RepeatOutput>>,
  b: Readonly<Record<string, RepeatOutput>>,
): Difference | undefined {
  for (const [id, one] of Object.entries(a)) {
    const other = b[id];
    if (!other || other.digest === one.digest) continue;
    const [first, second] = [floatsIn(one.values), floatsIn(other.values)];
    const index = first.findIndex((value, i) => !Object.is(value, second[i]));
    if (index < 0) return { id };
    return { id, index, first: first[index]!, second: second[index]! };
  }
  return undefined;
}

function floatsIn(base64: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
  return new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / 4));
}
