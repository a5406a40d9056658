import { join } from "node:path";
import { RekindleError } from "../errors.ts";
import { type Host, makePrivateFolder } from "../host/index.ts";
import { stateFolder } from "../trial/index.ts";
import { journalIn, touchesOf } from "./command.ts";
import { type FixState, stateOfText } from "./journal.ts";
import type { Plan } from "./step.ts";

/** A fix of the past, or one that is not at its end. */
export interface PastFix {
  /** Sorted by time: "2026-11-20-1". */
  readonly id: string;
  readonly folder: string;
  readonly state: FixState;
}

/** Where fixes lie: in the user's folder for state. */
const fixesFolder = (host: Host) => stateFolder(host, "fixes");

/** All fixes, the newest first. What is damaged is left out. */
export async function pastFixes(host: Host): Promise<PastFix[]> {
  const folder = await fixesFolder(host);
  const found: PastFix[] = [];
  for (const id of (await host.list(folder)).sort(newestFirst)) {
    const path = journalIn(join(folder, id));
    const text = await host.readText(path);
    const state = text === undefined ? undefined : attempt(() => stateOfText(text, path));
    if (state) found.push({ id, folder: join(folder, id), state });
  }
  return found;
}

/** Folders of fixes whose journal cannot be read. */
export async function damagedFixes(host: Host): Promise<string[]> {
  const folder = await fixesFolder(host);
  const readable = new Set((await pastFixes(host)).map(({ id }) => id));
  return (await host.list(folder)).filter((id) => !readable.has(id)).map((id) => join(folder, id));
}

const newestFirst = (a: string, b: string) => b.localeCompare(a, "en", { numeric: true });

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** A folder for a new fix: the day, and a number. */
export async function newFixFolder(host: Host, now: Date): Promise<string> {
  const folder = await fixesFolder(host);
  const day = now.toISOString().slice(0, 10);
  for (let number = 1; ; number++) {
    const made = join(folder, `${day}-${number}`);
    if (await makePrivateFolder(made)) return made;
  }
}

/** The fix with an id. Throws "usage". */
export function fixNamed(id: string, past: readonly PastFix[]): PastFix {
  const found = past.find((one) => one.id === id);
  if (found) return found;
  throw new RekindleError("usage", `there is no fix "${id}"`, {
    fix: "rekindle history lists all",
  });
}

/** Whether one of two plans changes what the other changes. */
export function sharesFiles(a: Plan, b: Plan): boolean {
  const others = b.steps.flatMap(touchesOf);
  return a.steps
    .flatMap(touchesOf)
    .some((path) => others.some((other) => isWithin(path, other) || isWithin(other, path)));
}

const isWithin = (path: string, folder: string) =>
  path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);

/** Whether it has not come to its end. */
export const isOpen = ({ state }: PastFix) => state.outcome === undefined;
