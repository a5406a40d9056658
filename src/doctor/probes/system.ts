import type { Host } from "../../host/index.ts";
import type { Facts } from "../facts.ts";
import { known, type Probe, pairsOf } from "./probe.ts";

/** The operating system, its kernel, memory and disks. */
export const systemProbe: Probe = {
  name: "system",
  what: "operating system",
  timeoutMs: 2000,
  byHand: "uname -a; cat /etc/os-release /proc/cmdline; free -h; df -h ~ /tmp /",
  async learn(host) {
    const { arch, kernelRelease, memoryBytes, freeMemoryBytes, home } = await host.system();
    const release = pairsOf(await host.readText("/etc/os-release"), "=");
    const commandLine = await host.readText("/proc/cmdline");
    const disks = await disksOf(host, home);
    return {
      os: known({
        platform: host.platform,
        arch: arch || undefined,
        id: release.get("ID")?.toLowerCase(),
        versionId: release.get("VERSION_ID"),
        name: release.get("PRETTY_NAME"),
      }),
      kernel: known({
        release: kernelRelease || undefined,
        parameters: commandLine === undefined ? undefined : parametersOf(commandLine),
      }),
      memory: known({
        totalBytes: memoryBytes,
        availableBytes: (await availableBytes(host)) ?? freeMemoryBytes,
      }),
      disks,
    };
  },
};

/** The words of a kernel command line, without those for init that follow "--". */
export function parametersOf(commandLine: string): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const word of commandLine.trim().split(/\s+/)) {
    if (word === "--") break;
    const at = word.indexOf("=");
    if (at < 0) parameters[word] = "";
    else parameters[word.slice(0, at)] = word.slice(at + 1);
  }
  delete parameters[""];
  return parameters;
}

/** Node counts memory that caches hold as taken; the kernel knows better. */
async function availableBytes(host: Host): Promise<number | undefined> {
  const line = pairsOf(await host.readText("/proc/meminfo"), ":").get("MemAvailable");
  const kibibytes = /^(\d+) kB$/.exec(line ?? "")?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

async function disksOf(host: Host, home: string): Promise<NonNullable<Facts["disks"]>> {
  const isWindows = host.platform === "win32";
  const temporary = (isWindows ? host.env.TEMP : host.env.TMPDIR) || "/tmp";
  const system = isWindows ? `${host.env.SystemDrive ?? "C:"}\\` : "/";
  const disks = [
    { purpose: "home", folder: home },
    { purpose: "temporary", folder: temporary },
    { purpose: "system", folder: system },
  ] as const;
  const free = await Promise.all(disks.map(({ folder }) => host.freeBytes(folder)));
  return disks.flatMap((disk, i) => {
    const freeBytes = free[i];
    return freeBytes === undefined ? [] : [{ ...disk, freeBytes }];
  });
}
