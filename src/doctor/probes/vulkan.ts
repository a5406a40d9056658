import { z } from "zod";
import type { Host } from "../../host/index.ts";
import type { Facts } from "../facts.ts";
import { known, libraryFolders, nameOf, type Probe } from "./probe.ts";

type Driver = NonNullable<NonNullable<Facts["vulkan"]>["drivers"]>[number];

/** Vulkan as it is installed: the loader and the drivers that it would try. */
export const vulkanProbe: Probe = {
  name: "vulkan",
  what: "Vulkan drivers",
  systems: ["linux", "win32"],
  timeoutMs: 3000,
  byHand: "vulkaninfo --summary",
  async learn(host) {
    if (host.platform === "win32") {
      const loader = `${host.env.SystemRoot ?? "C:\\Windows"}\\System32\\vulkan-1.dll`;
      const hasLoader = await host.exists(loader);
      return { vulkan: known({ hasLoader, loader: hasLoader ? loader : undefined }) };
    }
    const loader = await findLibrary(host, "libvulkan.so.1");
    return {
      vulkan: known({
        loader,
        hasLoader: loader !== undefined,
        mesaVersion: await mesaVersion(host),
        drivers: await driversOf(host),
      }),
    };
  },
};

async function findLibrary(host: Host, name: string): Promise<string | undefined> {
  for (const folder of libraryFolders) {
    if (await host.exists(`${folder}/${name}`)) return `${folder}/${name}`;
  }
  return undefined;
}

async function driversOf(host: Host): Promise<Driver[]> {
  const { env } = host;
  const { home } = await host.system();
  // These variables replace the search of the loader.
  const named = env.VK_DRIVER_FILES || env.VK_ICD_FILENAMES;
  if (named) {
    const manifests = named.split(":").filter(Boolean);
    return (await Promise.all(manifests.map((m) => driverOf(host, m)))).filter((d) => !!d);
  }
  const folders = [
    ...(env.XDG_DATA_DIRS?.split(":").map((f) => `${f.replace(/\/$/, "")}/vulkan/icd.d`) ?? []),
    `${home}/.config/vulkan/icd.d`,
    `${home}/.local/share/vulkan/icd.d`,
    "/etc/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
    "/usr/share/vulkan/icd.d",
  ];
  const drivers: Driver[] = [];
  for (const folder of new Set(folders)) {
    for (const name of await host.list(folder)) {
      const driver = name.endsWith(".json") && (await driverOf(host, `${folder}/${name}`));
      if (driver) drivers.push(driver);
    }
  }
  return drivers;
}

const manifestSchema = z.object({
  ICD: z.object({ library_path: z.string(), api_version: z.string().optional() }),
});

async function driverOf(host: Host, manifest: string): Promise<Driver | undefined> {
  const text = await host.readText(manifest);
  if (text === undefined) return undefined;
  const read = manifestSchema.safeParse(parsed(text));
  if (!read.success) return { manifest };
  const { library_path: library, api_version: apiVersion } = read.data.ICD;
  // A driver for 32-bit programs is none for us.
  if (/i[36]86/.test(nameOf(manifest)) || library.includes("i386-linux-gnu")) return undefined;
  const name = driverName(library);
  return known({
    manifest,
    library,
    libraryExists: await libraryExists(host, library, manifest),
    name,
    apiVersion,
    isSoftware: name === undefined ? undefined : softwareDrivers.has(name),
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function libraryExists(host: Host, library: string, manifest: string): Promise<boolean> {
  if (library.startsWith("/")) return await host.exists(library);
  const folder = manifest.slice(0, manifest.lastIndexOf("/"));
  if (library.includes("/")) return await host.exists(`${folder}/${library}`);
  return (await findLibrary(host, library)) !== undefined;
}

const softwareDrivers = new Set(["lavapipe", "swiftshader"]);

/** Drivers by what the name of their library holds. */
const driverNames: readonly (readonly [RegExp, string])[] = [
  [/vulkan_radeon/, "radv"],
  [/amdvlk\d*pro|amdgpu-pro|opt\/amdgpu/, "amdgpu-pro"],
  [/amdvlk/, "amdvlk"],
  [/vulkan_lvp/, "lavapipe"],
  [/swiftshader/, "swiftshader"],
  [/vulkan_intel_hasvk/, "hasvk"],
  [/vulkan_intel/, "anv"],
  [/vulkan_nouveau/, "nvk"],
  [/GLX_nvidia|nvidia/i, "nvidia"],
  [/vulkan_dzn/, "dzn"],
  [/vulkan_virtio/, "venus"],
  [/vulkan_gfxstream/, "gfxstream"],
];

function driverName(library: string): string | undefined {
  return driverNames.find(([pattern]) => pattern.test(library))?.[1];
}

/** The version of Mesa's Vulkan drivers, by the package that they come in. */
async function mesaVersion(host: Host): Promise<string | undefined> {
  const queries: readonly (readonly [string, readonly string[]])[] = [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg fills it in
    ["dpkg-query", ["-W", "-f=${Version}", "mesa-vulkan-drivers"]],
    ["rpm", ["-q", "--qf", "%{VERSION}", "mesa-vulkan-drivers"]],
    ["pacman", ["-Q", "vulkan-radeon"]],
  ];
  for (const [program, args] of queries) {
    const { status, out } = await host.run(program, args, { timeoutMs: 1500 });
    const version = /(?:^|\s|:)(\d+\.\d+(?:\.\d+)?)/.exec(out)?.[1];
    if (status === 0 && version) return version;
  }
  return undefined;
}
