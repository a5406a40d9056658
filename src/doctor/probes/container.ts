import type { Host } from "../../host/index.ts";
import { known, type Probe } from "./probe.ts";

/** Whether this is a container, or Linux inside Windows. */
export const containerProbe: Probe = {
  name: "container",
  what: "containers and WSL",
  systems: ["linux"],
  timeoutMs: 2000,
  byHand: "systemd-detect-virt --container; cat /proc/version",
  async learn(host) {
    const kind = await containerKind(host);
    const version = (await host.readText("/proc/version")) ?? "";
    const inWsl = /microsoft/i.test(version);
    return {
      container: known({ inContainer: kind !== undefined, kind }),
      wsl: known({
        inWsl,
        version: inWsl ? (/WSL2|microsoft-standard/i.test(version) ? 2 : 1) : undefined,
        hasDxg: inWsl ? await host.exists("/dev/dxg") : undefined,
      }),
    };
  },
};

async function containerKind(host: Host): Promise<string | undefined> {
  const { env } = host;
  if (env.KUBERNETES_SERVICE_HOST) return "kubernetes";
  if (await host.exists("/run/.toolboxenv")) return "toolbox";
  if (await host.exists("/.dockerenv")) return "docker";
  if (await host.exists("/run/.containerenv")) return "podman";
  // systemd and the tools that start containers leave their kind here.
  const told = (await host.readText("/run/systemd/container"))?.trim() || env.container;
  if (told && told !== "wsl") return told;
  const cgroup = (await host.readText("/proc/1/cgroup")) ?? "";
  const named = /\/(docker|lxc|libpod|kubepods|containerd)\b/.exec(cgroup)?.[1];
  return named === "libpod" ? "podman" : named === "kubepods" ? "kubernetes" : named;
}
