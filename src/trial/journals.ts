import { join } from "node:path";
import type { Host } from "../host/index.ts";
import { stateOfText } from "./journal.ts";

/** Where the files of trials lie when none is named: in the user's folder for state. */
export async function stateFolder(host: Host, name: string): Promise<string> {
  const { XDG_STATE_HOME, LOCALAPPDATA } = host.env;
  const { home } = await host.system();
  const base = XDG_STATE_HOME || LOCALAPPDATA || join(host.env.HOME || home, ".local", "state");
  return join(base, "rekindle", name);
}

/** So many journals are looked at, the newest first. */
const journalsMax = 100;

/** Journals in a folder, the newest first: their names begin with the time. */
export async function journalsIn(host: Host, folder: string): Promise<string[]> {
  const names = (await host.list(folder)).filter((name) => name.endsWith(".jsonl"));
  return names
    .reverse()
    .slice(0, journalsMax)
    .map((name) => join(folder, name));
}

/**
 * A path for a new journal, sorted by time. One that is there is never written to: two trials may
 * begin in the same moment, where a script runs them.
 */
export async function newJournalPath(host: Host, folder: string): Promise<string> {
  for (let time = Date.now(); ; time++) {
    const name = new Date(time).toISOString().slice(0, 23).replaceAll(/[:.]/g, "-");
    const path = join(folder, `${name}.jsonl`);
    if (!(await host.exists(path))) return path;
  }
}

/** Steps that hung or rebooted the machine in earlier trials with the same subject. */
export async function earlierKillers(
  host: Host,
  journals: readonly string[],
  subject: string,
): Promise<Set<string>> {
  const killers = new Set<string>();
  for (const path of journals) {
    const text = await host.readText(path);
    // One that is damaged or of another version tells nothing.
    const state = text === undefined ? undefined : attempt(() => stateOfText(text, path));
    if (state?.order?.subject !== subject) continue;
    for (const [id, { outcome }] of state.results) if (outcome === "machine-died") killers.add(id);
  }
  return killers;
}

/** The newest journal that did not come to its end. */
export async function newestUnfinished(
  host: Host,
  journals: readonly string[],
): Promise<string | undefined> {
  for (const path of journals) {
    const text = await host.readText(path);
    const state = text === undefined ? undefined : attempt(() => stateOfText(text, path));
    if (state && !state.isDone) return path;
  }
  return undefined;
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
