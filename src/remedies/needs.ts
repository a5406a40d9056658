import { dirname, join } from "node:path";
import { messageOf } from "../errors.ts";
import { inodeOf, placed } from "../host/index.ts";
import { whyNot } from "./checks.ts";
import type { Need, Step } from "./step.ts";
import { type StepProgress, type Surroundings, withBackoff } from "./surroundings.ts";

const answerMs = 15_000;

/**
 * Why a step may not begin, as a clause, with what to do; undefined where all it needs is there.
 * What passes, as a lock or an outage, is waited for.
 */
export async function unmetNeed(
  needs: readonly Need[],
  around: Surroundings,
  onProgress: (progress: StepProgress) => void,
): Promise<string | undefined> {
  for (const need of needs) {
    const passes = "network" in need || "lock" in need;
    const look = () => reasonAgainst(need, around);
    const reason = passes
      ? await withBackoff(look, (found) => found, around, onProgress)
      : await look();
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Needs that can be judged before the first step: what no step of a plan can bring about. */
export function needsAhead(steps: readonly Step[]): Need[] {
  return steps.flatMap(({ needs = [] }) =>
    needs.filter((need) => "root" in need || "diskBytes" in need || "memoryBytes" in need),
  );
}

async function reasonAgainst(need: Need, around: Surroundings): Promise<string | undefined> {
  if ("diskBytes" in need) return await diskReason(need, around);
  if ("memoryBytes" in need) return await memoryReason(need.memoryBytes, around);
  if ("network" in need) return await networkReason(need.network);
  if ("lock" in need) return await lockReason(need, around);
  if ("program" in need) return await programReason(need, around);
  if ("root" in need) return await rootReason(around);
  const reason = await whyNot(need.check, around);
  return reason === undefined ? undefined : `${reason}: ${need.otherwise}`;
}

async function diskReason(
  { diskBytes, folder }: Extract<Need, { diskBytes: number }>,
  { host }: Surroundings,
): Promise<string | undefined> {
  let there = folder;
  while (!(await host.exists(there)) && dirname(there) !== there) there = dirname(there);
  const free = await host.freeBytes(there);
  if (free === undefined || free >= diskBytes) return undefined;
  return `it needs ${gigabytes(diskBytes)} on the disk of ${there}, ${gigabytes(free)} are free`;
}

async function memoryReason(memoryBytes: number, { machine }: Surroundings) {
  const { freeMemoryBytes } = await machine.system();
  if (freeMemoryBytes >= memoryBytes) return undefined;
  return (
    `it needs ${gigabytes(memoryBytes)} of memory, ${gigabytes(freeMemoryBytes)} are free: ` +
    "close other programs"
  );
}

const gigabytes = (bytes: number) => `${Math.round(bytes / 1e8) / 10} GB`;

async function networkReason(url: string): Promise<string | undefined> {
  try {
    // Any status tells that the server is there.
    const answer = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(answerMs) });
    await answer.body?.cancel();
    return undefined;
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    return `${new URL(url).host} cannot be reached (${messageOf(cause) || "no answer"})`;
  }
}

async function lockReason(
  { lock, heldBy }: Extract<Need, { lock: string }>,
  { machine, root }: Surroundings,
): Promise<string | undefined> {
  const inode = await inodeOf(placed(root, lock));
  if (inode === undefined) return undefined;
  const held = `another package manager is at work: it holds ${lock}`;
  if (heldBy === "existence") return held;
  // "1: POSIX  ADVISORY  WRITE 1234 fd:01:5678 0 EOF"
  const locks = (await machine.readText("/proc/locks")) ?? "";
  const isHeld = locks.split("\n").some((line) => line.includes(`:${inode} `));
  return isHeld ? held : undefined;
}

async function programReason(
  { program, install }: Extract<Need, { program: string }>,
  { machine }: Surroundings,
): Promise<string | undefined> {
  const folders = (machine.env.PATH ?? "").split(machine.platform === "win32" ? ";" : ":");
  for (const folder of folders) {
    if (folder !== "" && (await machine.exists(join(folder, program)))) return undefined;
  }
  return `the program ${program} is missing: ${install}`;
}

/** Below another root no right of the system's own is needed. */
async function rootReason({ machine, root }: Surroundings): Promise<string | undefined> {
  const { userId } = await machine.system();
  if (root !== "/" || userId === undefined || userId === 0) return undefined;
  return "it changes files of the system, and this is not root: run the same command with sudo";
}
