import type { Host } from "../../host/index.ts";
import type { Facts } from "../facts.ts";
import { known, linesOf, type Probe, unquoted } from "./probe.ts";
import { settingFiles } from "./setting-files.ts";

type Settings = NonNullable<Facts["settings"]>;
type Assignment = Pick<Settings[number], "name" | "value">;
type Preloads = NonNullable<Facts["preloads"]>;

/** What stands before the first "_" of variables that matter. */
const families = new Set([
  ...["HSA", "HIP", "ROCR", "ROCM", "AMD", "AMDGCN", "AMDGPU", "GPU", "COMFYUI"],
  ...["PYTORCH", "TORCH", "TRITON", "MIOPEN", "TENSILE", "ROCBLAS", "HIPBLASLT"],
  ...["RADV", "VK", "MESA"],
]);
const others = new Set(["LD_PRELOAD", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "DRI_PRIME"]);
const secrets = /KEY|TOKEN|SECRET|PASSW/i;

/** Whether a variable touches ROCm, PyTorch or Vulkan; none that may hold a secret does. */
export function isRelevant(name: string): boolean {
  const family = /^[A-Z]+(?=_)/.exec(name)?.[0] ?? "";
  return (families.has(family) || others.has(name)) && !secrets.test(name);
}

/** Variables of this shell and of files that every shell reads, and libraries forced into all. */
export const environmentProbe: Probe = {
  name: "environment",
  what: "environment and shell profiles",
  timeoutMs: 10_000,
  byHand: "env | grep -E '^(HSA|HIP|ROCR|MIOPEN|PYTORCH)_'; grep -nE 'HSA_|LD_PRELOAD' ~/.*rc",
  async learn(host) {
    const entries = Object.entries(host.env).flatMap(([name, value]) =>
      value !== undefined && isRelevant(name) ? [[name, value] as const] : [],
    );
    const env = Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
    // There are neither profiles nor preloading on Windows.
    if (host.platform === "win32") return { env, settings: [], preloads: [] };
    const settings = await settingsOf(host);
    return { env, settings, preloads: await preloadsOf(host, env, settings) };
  },
};

async function settingsOf(host: Host): Promise<Settings> {
  const found = await Promise.all(
    (await settingFiles(host)).map(async ({ path, shown }) =>
      readSettings((await host.readText(path)) ?? "", shown),
    ),
  );
  return found.flat();
}

/**
 * Relevant variables that a profile sets, in the spellings of sh, fish, environment.d and units of
 * systemd. Lines are not run: one that stands under a condition counts as set.
 *
 * @example
 * readSettings("export HSA_OVERRIDE_GFX_VERSION=10.3.0", "~/.bashrc");
 */
export function readSettings(text: string, file: string): Settings {
  return text.split("\n").flatMap((raw, i) =>
    assignments(raw.trim())
      .filter(({ name }) => isRelevant(name))
      .map(({ name, value }) => ({ file, line: i + 1, name, value })),
  );
}

function assignments(raw: string): Assignment[] {
  if (/^[#;]/.test(raw)) return [];
  const line = raw.replace(/\s#.*$/, "");
  const universal = /^SETUVAR (?:--\S+ )*(\w+):(.*)$/.exec(line);
  if (universal) return [{ name: universal[1]!, value: unescaped(universal[2]!) }];
  const fish = /^set\s+(?:-\S+\s+)+(\w+)\s+([^;]*)/.exec(line);
  if (fish) return [{ name: fish[1]!, value: unquoted(fish[2]!.trim()) }];
  const unit = /^(?:Default)?Environment=(.*)$/.exec(line)?.[1];
  if (unit !== undefined) {
    // The whole assignment may stand in quotes.
    const found = unit.matchAll(/(?:^|\s)(["']?)(\w+)=(.*?)\1(?=\s|$)/g);
    return [...found].map(([, , name, value]) => ({ name: name!, value: unquoted(value!) }));
  }
  return inWords(/^(?:export\s+|setenv\s+)?(.*)$/.exec(line)![1]!);
}

/** Also those inside of quotes: alias comfy='HSA_OVERRIDE_GFX_VERSION=10.3.0 python main.py' */
function inWords(text: string): Assignment[] {
  const words = /(?:^|[\s;])(\w+)(?:=|\s+DEFAULT=)((?:"[^"]*"|'[^']*'|[^\s;#"'])*)/g;
  return [...text.matchAll(words)].flatMap(([, name, written]) => {
    const value = unquoted(written!);
    const inside = value !== written && value.includes("=") ? inWords(value) : [];
    return [{ name: name!, value }, ...inside];
  });
}

/** fish writes characters of its variables as \x2e. */
function unescaped(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

/**
 * The libraries of a value of LD_PRELOAD as a profile writes it; another variable in it is none.
 *
 * @example
 * librariesIn("/x/a.so${LD_PRELOAD:+:$LD_PRELOAD}"); // ["/x/a.so"]
 */
const librariesIn = (list: string): string[] =>
  list
    .replace(/\$\{[^}]*\}|\$LD_PRELOAD\b|["']/g, " ")
    .split(/[\s:]+/)
    .filter((name) => name !== "");

async function preloadsOf(
  host: Host,
  env: Readonly<Record<string, string>>,
  settings: Settings,
): Promise<Preloads> {
  const named: { library: string; where: string }[] = [];
  const add = (list: string, where: string) => {
    for (const library of librariesIn(list)) named.push({ library, where });
  };
  add(env.LD_PRELOAD ?? "", "LD_PRELOAD");
  for (const line of linesOf(await host.readText("/etc/ld.so.preload"))) {
    add(line.replace(/#.*/, ""), "/etc/ld.so.preload");
  }
  for (const { name, value, file, line } of settings) {
    if (name === "LD_PRELOAD") add(value, `${file}:${line}`);
  }
  return await Promise.all(
    named.map(async ({ library, where }) =>
      // A bare name is looked up by the loader, and "$LIB" is filled in by it.
      known({
        library,
        where,
        exists: /^\/[^$]*$/.test(library) ? await host.exists(library) : undefined,
      }),
    ),
  );
}
