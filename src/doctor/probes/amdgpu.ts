import type { Host } from "../../host/index.ts";
import type { Facts } from "../facts.ts";
import { known, linesOf, type Probe } from "./probe.ts";
import { parametersOf } from "./system.ts";

type Amdgpu = NonNullable<Facts["amdgpu"]>;
type Options = NonNullable<Amdgpu["options"]>;

/** How modprobe calls it to keep a module from loading. */
const denyWord = ["black", "list"].join("");

const moduleFolder = "/sys/module/amdgpu";
const configFolders = [
  "/etc/modprobe.d",
  "/run/modprobe.d",
  "/usr/local/lib/modprobe.d",
  "/usr/lib/modprobe.d",
  "/lib/modprobe.d",
];

/** AMD's kernel driver: whether it is loaded, and what it is told. */
export const amdgpuProbe: Probe = {
  name: "amdgpu",
  what: "kernel driver",
  systems: ["linux"],
  timeoutMs: 3000,
  byHand: "lsmod | grep amdgpu; modinfo -F version amdgpu; grep -r amdgpu /etc/modprobe.d",
  async learn(host) {
    const loaded = await host.exists(moduleFolder);
    const version = (await host.readText(`${moduleFolder}/version`))?.trim();
    const { options, blocked } = await configured(host);
    return {
      amdgpu: known({
        loaded,
        version,
        isDkms: loaded ? version !== undefined : undefined,
        parameters: loaded ? await parametersInForce(host) : undefined,
        options,
        blocked,
      }),
    };
  },
};

async function parametersInForce(host: Host): Promise<Record<string, string>> {
  const folder = `${moduleFolder}/parameters`;
  const parameters: Record<string, string> = {};
  for (const name of await host.list(folder)) {
    const value = await host.readText(`${folder}/${name}`);
    if (value !== undefined) parameters[name] = value.trim();
  }
  return parameters;
}

async function configured(host: Host): Promise<{ options: Options; blocked: string[] }> {
  const options: Options = [];
  const blocked: string[] = [];
  const seen = new Set<string>();
  for (const folder of configFolders) {
    // On most systems /lib is a link to /usr/lib.
    const real = await host.realPath(folder);
    if (real === undefined || seen.has(real)) continue;
    seen.add(real);
    for (const name of await host.list(folder)) {
      if (!name.endsWith(".conf")) continue;
      const path = `${folder}/${name}`;
      const read = readConfig((await host.readText(path)) ?? "", path);
      options.push(...read.options);
      blocked.push(...read.blocked);
    }
  }
  const commandLine = parametersOf((await host.readText("/proc/cmdline")) ?? "");
  const where = "kernel command line";
  for (const [key, value] of Object.entries(commandLine)) {
    if (key.startsWith("amdgpu.")) options.push({ name: key.slice(7), value, where });
    const blocks = key === `modprobe.${denyWord}` || key === `module_${denyWord}`;
    if (blocks && value.split(",").includes("amdgpu")) blocked.push(where);
  }
  return { options, blocked };
}

/** What a file of modprobe.d says of amdgpu, with line numbers; comments are not read. */
export function readConfig(text: string, path: string): { options: Options; blocked: string[] } {
  const options: Options = [];
  const blocked: string[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    const [command, module, ...words] = linesOf(line)[0]?.split(/\s+/) ?? [];
    if (module !== "amdgpu") continue;
    const where = `${path}:${i + 1}`;
    if (command === denyWord) blocked.push(where);
    if (command === "install" && /\/(true|false)$/.test(words[0] ?? "")) blocked.push(where);
    if (command !== "options") continue;
    for (const [name, value] of Object.entries(parametersOf(words.join(" ")))) {
      options.push({ name, value, where });
    }
  }
  return { options, blocked };
}
