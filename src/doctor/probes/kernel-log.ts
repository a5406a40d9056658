import type { Host } from "../../host/index.ts";
import { linesOf, type Probe } from "./probe.ts";

/** Where the kernel's log may be had without rights, best first. */
const sources: readonly { name: string; command: readonly [string, ...string[]] }[] = [
  { name: "dmesg", command: ["dmesg"] },
  { name: "journalctl -k", command: ["journalctl", "-k", "-b", "--no-pager", "-o", "short"] },
  { name: "/var/log/kern.log", command: ["tail", "-c", "2000000", "/var/log/kern.log"] },
  { name: "/var/log/messages", command: ["tail", "-c", "2000000", "/var/log/messages"] },
];

/** Lines of AMD's driver, of KFD, and of the graphics subsystem. */
const ofTheGpu = /amdgpu|\bkfd\b|amdkfd|\[drm|gfxhub|\bradeon\b/i;

/** Lines that tell of faults, resets and devices that are left out. */
const ofFaults =
  /fault|timeout|reset|skipped|reject|hang|fail|error|firmware|evict|preempt|oops|bug:/i;

const linesMax = 400;

/** What the kernel said of the GPU since it started. */
export const kernelLogProbe: Probe = {
  name: "kernel-log",
  what: "kernel log",
  systems: ["linux"],
  timeoutMs: 4000,
  byHand: "sudo dmesg | grep -iE 'amdgpu|kfd'",
  async learn(host) {
    const log = await readKernelLog(host);
    if (log) {
      const { source, lines } = log;
      return { kernelLog: { readable: true, source, lines: shortened(lines) } };
    }
    return {
      kernelLog: { readable: false },
      unknown: [
        {
          probe: "kernel-log",
          reason: "nothing lets this user read the kernel's log",
          command: this.byHand!,
        },
      ],
    };
  },
};

/** The kernel's log since it started, from the first source that lets this user read it. */
export async function readKernelLog(
  host: Host,
): Promise<{ readonly source: string; readonly lines: readonly string[] } | undefined> {
  for (const { name, command } of sources) {
    const lines = await linesFrom(host, command);
    if (lines.length > 0) return { source: name, lines };
  }
  return undefined;
}

/** All lines; none where the program fails or the log is empty for this user. */
async function linesFrom(host: Host, [program, ...args]: readonly [string, ...string[]]) {
  const { status, out } = await host.run(program, args, { timeoutMs: 1500 });
  const lines = linesOf(out).filter((line) => !line.startsWith("-- "));
  return status === 0 ? lines : [];
}

/** The lines that matter; of many, the first (start of the driver), late faults and the last. */
export function shortened(lines: readonly string[]): string[] {
  const ours = lines.filter((line) => ofTheGpu.test(line));
  if (ours.length <= linesMax) return ours;
  const faults = ours.flatMap((line, i) => (ofFaults.test(line) ? [i] : []));
  const kept = new Set(faults.slice(-linesMax / 2));
  for (let i = 0; i < linesMax / 4; i++) kept.add(i).add(ours.length - 1 - i);
  return ours.filter((_, i) => kept.has(i));
}
