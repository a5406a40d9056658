import { readKernelLog } from "../doctor/index.ts";
import type { Host } from "../host/index.ts";

/** A place in the kernel's log. */
export interface LogPosition {
  readonly source: string;
  /** With its time, so there is no second one like it. */
  readonly lastLine: string;
}

/** How the drivers say that the GPU was reset or no longer answered. */
const ofReset = new RegExp(
  [
    /GPU (?:reset|hang|recovery)|MODE[12] reset|BACO reset/,
    /ring (?:\S+ )?(?:timeout|reset)|NVRM: Xid|device lost/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "i",
);

/** How the kernel says that it killed a process for memory. */
const ofMemory = /out of memory: killed process|oom-kill/i;

/** Of more lines the first and the last are kept: a reset takes some 20. */
const linesMax = 60;

/** Where the kernel's log ends now; undefined where this user may not read it. */
export async function logPosition(host: Host): Promise<LogPosition | undefined> {
  const log = await readKernelLog(host);
  return log && { source: log.source, lastLine: log.lines.at(-1)! };
}

/** The lines that came since; all there are where the log has turned over. */
async function linesSince(
  host: Host,
  position: LogPosition | undefined,
): Promise<readonly string[]> {
  if (!position) return [];
  const log = await readKernelLog(host);
  if (!log || log.source !== position.source) return [];
  const lines = log.lines.slice(log.lines.lastIndexOf(position.lastLine) + 1);
  if (lines.length <= linesMax) return lines;
  return [...lines.slice(0, linesMax / 2), ...lines.slice(-linesMax / 2)];
}

/** So often a log that still grows is looked at again. */
const looksMax = 10;

/**
 * The lines that came since. Where the step hung, or the lines tell of a reset, those are waited
 * for that are still to come: the kernel resets a GPU seconds after the program was killed.
 */
export async function linesOfStep(
  host: Host,
  position: LogPosition | undefined,
  hung: boolean,
  settleMs: number,
): Promise<readonly string[]> {
  let lines = await linesSince(host, position);
  for (let look = 0; look < looksMax && position && (hung || tellsOfReset(lines)); look++) {
    const last = lines.at(-1);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    lines = await linesSince(host, position);
    if (lines.at(-1) === last) break;
  }
  return lines;
}

export const tellsOfReset = (lines: readonly string[]) => lines.some((line) => ofReset.test(line));
export const tellsOfMemory = (lines: readonly string[]) => lines.some((l) => ofMemory.test(l));

/**
 * What the kernel said between a time and the machine's going down, where systemd's journal
 * survived it.
 */
export async function lastLinesOfBoot(
  host: Host,
  bootId: string,
  since: string,
): Promise<readonly string[]> {
  const boot = bootId.replaceAll("-", "");
  const seconds = Math.floor(Date.parse(since) / 1000);
  const from = Number.isFinite(seconds) ? [`--since=@${seconds}`] : [];
  const args = ["-k", "-b", boot, ...from, "-n", `${linesMax}`, "--no-pager", "-o", "short"];
  const { status, out } = await host.run("journalctl", args);
  const lines = out.split("\n").filter((line) => line !== "" && !line.startsWith("-- "));
  return status === 0 ? lines : [];
}

/** Names this start of the machine. Where the system does not tell, every start is alike. */
export async function bootIdOf(host: Host): Promise<string> {
  const text = await host.readText("/proc/sys/kernel/random/boot_id");
  return text?.trim() || "unknown";
}
