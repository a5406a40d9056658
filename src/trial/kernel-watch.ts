import { readKernelLog } from "../doctor/index.ts";
import type { Host } from "../host/index.ts";

/** A place in the kernel's log. */
export interface LogPosition {
  readonly source: string;
  /** With its time, so there is no second one like it. */
  readonly lastLine: string;
}

/** How the drivers say that the GPU was reset or no longer answered. */
const ofReset =
  /GPU (?:reset|hang|recovery)|MODE[12] reset|BACO reset|ring \S+ timeout|NVRM: Xid|device lost/i;

/** How the kernel says that it killed a process for memory. */
const ofMemory = /out of memory: killed process|oom-kill/i;

const linesMax = 60;

/** Where the kernel's log ends now; undefined where this user may not read it. */
export async function logPosition(host: Host): Promise<LogPosition | undefined> {
  const log = await readKernelLog(host);
  return log && { source: log.source, lastLine: log.lines.at(-1)! };
}

/** The lines that came since; all there are where the log has turned over. */
export async function linesSince(
  host: Host,
  position: LogPosition | undefined,
): Promise<readonly string[]> {
  if (!position) return [];
  const log = await readKernelLog(host);
  if (!log || log.source !== position.source) return [];
  return log.lines.slice(log.lines.lastIndexOf(position.lastLine) + 1).slice(-linesMax);
}

export const tellsOfReset = (lines: readonly string[]) => lines.some((line) => ofReset.test(line));
export const tellsOfMemory = (lines: readonly string[]) => lines.some((l) => ofMemory.test(l));

/** What the kernel said last before the machine went down, where the journal survived. */
export async function lastLinesOfBoot(host: Host, bootId: string): Promise<readonly string[]> {
  const boot = bootId.replaceAll("-", "");
  const args = ["-k", "-b", boot, "-n", `${linesMax}`, "--no-pager", "-o", "short"];
  const { status, out } = await host.run("journalctl", args);
  const lines = out.split("\n").filter((line) => line !== "" && !line.startsWith("-- "));
  return status === 0 ? lines : [];
}

/** Names this start of the machine. Where the system does not tell, every start is alike. */
export async function bootIdOf(host: Host): Promise<string> {
  const text = await host.readText("/proc/sys/kernel/random/boot_id");
  return text?.trim() || "unknown";
}
