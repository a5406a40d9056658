import type { Facts } from "./facts.ts";

/** Names of accounts and machines that are also words of this field, or say nothing of a person. */
const commonWords = new Set(
  (
    "admin amd amdgpu arch debian fedora gpu home host linux localhost python radeon rocm root " +
    "system torch ubuntu user users video render work"
  ).split(" "),
);

/** Beginnings of kernel parameters that matter here; others may name disks, networks, people. */
const relevantParameters = new Set(
  "amdgpu amdkfd radeon drm video iommu amd_iommu intel_iommu pci pcie nomodeset modprobe".split(
    " ",
  ),
);

/** Identifiers of one machine or person, and what stands in their place. */
const patterns: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "(uuid)"],
  [/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/gi, "(mac)"],
  [/\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b(?![.\d-])/g, "(ip)"],
  [/\b(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b|\b(?:[0-9a-f]{1,4}:){1,6}:[0-9a-f:]*/gi, "(ip)"],
  [/[\w.+-]+@[\w-]+\.[\w.-]+/g, "(mail)"],
  [/\b(serial(?:[ _-]?(?:number|no))?|unique_id|s\/n)(\s*[:=#]\s*|\s+)[\w-]+/gi, "$1$2(serial)"],
];

/** "Nov 21 21:00:00 host kernel: ...", "2026-11-21T21:00:00.1+01:00 host kernel: ...". */
const journalHost = /^(\w{3} [ \d]\d [\d:]{8}|\d{4}-\d\d-\d\dT\S+) \S+ (kernel:)/;

export interface Personal {
  readonly user?: string;
  readonly hostName?: string;
  readonly home?: string;
}

/**
 * The facts without what tells whose machine it is: names of users and hosts, home folders and the
 * names of folders in them, UUIDs, serial numbers, network addresses, mail addresses, and kernel
 * parameters that have nothing to do with the GPU. `personal` adds what the facts do not hold.
 *
 * @example
 * shareable({ version: 1, permissions: { user: "alice" } }).permissions?.user; // "user"
 */
export function shareable<T extends Facts>(facts: T, personal: Personal = {}): T {
  const home = personal.home ?? facts.disks?.find(({ purpose }) => purpose === "home")?.folder;
  const user = personal.user ?? facts.permissions?.user;
  const scrub = scrubber({ ...personal, ...(home && { home }), ...(user && { user }) });
  const { kernel } = facts;
  const parameters = Object.entries(kernel?.parameters ?? {});
  const kept = parameters.filter(
    ([name]) => relevantParameters.has(name.split(/[._]/)[0]!) || relevantParameters.has(name),
  );
  return mapStrings(
    {
      ...facts,
      ...(kernel?.parameters && { kernel: { ...kernel, parameters: Object.fromEntries(kept) } }),
    },
    scrub,
  );
}

/** The same data with every text in it changed, but for its keys. */
function mapStrings<T>(value: T, change: (text: string) => string): T {
  if (typeof value === "string") return change(value) as T;
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change)) as T;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, mapStrings(item, change)]);
  return Object.fromEntries(entries) as T;
}

function scrubber({ user, hostName, home }: Personal): (text: string) => string {
  const folders = folderNames();
  const names: (readonly [RegExp, string])[] = [];
  for (const [name, stands] of [
    [hostName, "host"],
    [hostName?.split(".")[0], "host"],
    [user, "user"],
  ] as const) {
    if (!name || name.length < 3 || commonWords.has(name.toLowerCase())) continue;
    names.push([new RegExp(`(?<![\\w-])${literal(name)}(?![\\w-])`, "gi"), stands]);
  }
  return (text) => {
    let shared = text.replace(journalHost, "$1 host $2");
    if (home && home.length > 1) {
      shared = shared.replace(new RegExp(`${literal(home)}(?=[/\\\\]|$|[\\s:;,'")])`, "g"), "~");
    }
    shared = shared
      .replace(/(\/home\/|\/Users\/|\/run\/media\/|\/media\/|[A-Z]:\\Users\\)[^/\\\s:;'"]+/g, "~")
      .replace(/~([/\\][^\s:;,'")]+)/g, (_, path: string) => `~${folders(path)}`);
    for (const [pattern, stands] of [...patterns, ...names]) {
      shared = shared.replace(pattern, stands);
    }
    return shared;
  };
}

/** Names in paths below home that say nothing of a person; hidden ones neither. */
const commonFolders = new Set(
  (
    "venv venvs env envs virtualenvs versions miniconda3 anaconda3 miniforge3 mambaforge " +
    "micromamba lib lib64 bin share pipx uv tools torch comfyui stable-diffusion-webui"
  ).split(" "),
);
const isCommonFolder = (name: string) =>
  name.startsWith(".") ||
  commonFolders.has(name.toLowerCase()) ||
  /^(python|rocm)[\d.-]*$/.test(name);

/** Where the layout of an environment begins, in which names are always the same. */
const layout = /^(lib(64)?|bin|Lib|share)$/;

/** Replaces the other names, each by the same number wherever it stands. */
function folderNames(): (path: string) => string {
  const numbers = new Map<string, number>();
  return (path) => {
    let inLayout = false;
    return path.replace(/[^/\\]+/g, (name) => {
      inLayout ||= layout.test(name);
      if (inLayout || isCommonFolder(name)) return name;
      const number = numbers.get(name) ?? numbers.size + 1;
      numbers.set(name, number);
      return `folder${number}`;
    });
  };
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
