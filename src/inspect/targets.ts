/** A setting of code: it works with either ("any"), or needs on or off. */
export type Setting = "on" | "off" | "any" | "unsupported";

/** An LLVM target ID, taken apart. */
export interface Target {
  /** "gfx1010", "gfx10-1-generic". */
  readonly processor: string;
  readonly xnack: Setting;
  readonly sramecc: Setting;
}

/**
 * Processors by the number in an ELF header's flags (EF_AMDGPU_MACH), from LLVM's
 * include/llvm/BinaryFormat/ELF.h and, for those newer than LLVM 19, ROCm/rocm-systems.
 */
const machines: ReadonlyMap<number, string> = new Map([
  [0x20, "gfx600"],
  [0x21, "gfx601"],
  [0x22, "gfx700"],
  [0x23, "gfx701"],
  [0x24, "gfx702"],
  [0x25, "gfx703"],
  [0x26, "gfx704"],
  [0x28, "gfx801"],
  [0x29, "gfx802"],
  [0x2a, "gfx803"],
  [0x2b, "gfx810"],
  [0x2c, "gfx900"],
  [0x2d, "gfx902"],
  [0x2e, "gfx904"],
  [0x2f, "gfx906"],
  [0x30, "gfx908"],
  [0x31, "gfx909"],
  [0x32, "gfx90c"],
  [0x33, "gfx1010"],
  [0x34, "gfx1011"],
  [0x35, "gfx1012"],
  [0x36, "gfx1030"],
  [0x37, "gfx1031"],
  [0x38, "gfx1032"],
  [0x39, "gfx1033"],
  [0x3a, "gfx602"],
  [0x3b, "gfx705"],
  [0x3c, "gfx805"],
  [0x3d, "gfx1035"],
  [0x3e, "gfx1034"],
  [0x3f, "gfx90a"],
  [0x40, "gfx940"],
  [0x41, "gfx1100"],
  [0x42, "gfx1013"],
  [0x43, "gfx1150"],
  [0x44, "gfx1103"],
  [0x45, "gfx1036"],
  [0x46, "gfx1101"],
  [0x47, "gfx1102"],
  [0x48, "gfx1200"],
  [0x49, "gfx1250"],
  [0x4a, "gfx1151"],
  [0x4b, "gfx941"],
  [0x4c, "gfx942"],
  [0x4e, "gfx1201"],
  [0x4f, "gfx950"],
  [0x50, "gfx1310"],
  [0x51, "gfx9-generic"],
  [0x52, "gfx10-1-generic"],
  [0x53, "gfx10-3-generic"],
  [0x54, "gfx11-generic"],
  [0x55, "gfx1152"],
  [0x58, "gfx1153"],
  [0x59, "gfx12-generic"],
  [0x5a, "gfx1251"],
  [0x5b, "gfx12-5-generic"],
  [0x5c, "gfx1172"],
  [0x5d, "gfx1170"],
  [0x5e, "gfx1171"],
  [0x5f, "gfx9-4-generic"],
  [0x62, "gfx11-7-generic"],
  [0x63, "gfx13-generic"],
]);

/** The generic targets' members (LLVM's AMDGPUUsage, "Generic Processor"; ROCr's isa.cpp). */
const genericMembers: Readonly<Record<string, readonly string[]>> = {
  "gfx9-generic": ["gfx900", "gfx902", "gfx904", "gfx906", "gfx909", "gfx90c"],
  "gfx9-4-generic": ["gfx940", "gfx941", "gfx942", "gfx950"],
  "gfx10-1-generic": ["gfx1010", "gfx1011", "gfx1012", "gfx1013"],
  "gfx10-3-generic": [0, 1, 2, 3, 4, 5, 6].map((n) => `gfx103${n}`),
  "gfx11-generic": ["gfx1100", "gfx1101", "gfx1102", "gfx1103"].concat([
    "gfx1150",
    "gfx1151",
    "gfx1152",
    "gfx1153",
  ]),
  "gfx12-generic": ["gfx1200", "gfx1201"],
  "gfx12-5-generic": ["gfx1250", "gfx1251"],
};

/** Code for the first runs on the others: their instructions are a superset of its own. */
const supersets: Readonly<Record<string, readonly string[]>> = {
  gfx1010: ["gfx1011", "gfx1012"],
};

/** Every processor that LLVM names, longest name first. */
export const processors: readonly string[] = [...machines.values()].sort(
  (a, b) => b.length - a.length || (a < b ? -1 : 1),
);

/** The processor of an EF_AMDGPU_MACH number; one that is not known reads as "mach-0x60". */
export function processorOf(mach: number): string {
  return machines.get(mach) ?? `mach-0x${mach.toString(16).padStart(2, "0")}`;
}

/**
 * Reads a target ID; undefined where the text is none. Settings that it does not name are "any".
 *
 * @example
 * parseTarget("gfx90a:sramecc+:xnack-"); // { processor: "gfx90a", sramecc: "on", xnack: "off" }
 */
export function parseTarget(text: string): Target | undefined {
  const [processor = "", ...features] = text.split(":");
  if (!/^(gfx[0-9][0-9a-z-]*|mach-0x[0-9a-f]+)$/.test(processor)) return undefined;
  const setting = (name: string): Setting => {
    if (features.includes(`${name}+`)) return "on";
    return features.includes(`${name}-`) ? "off" : "any";
  };
  const known = features.every((f) => /^(xnack|sramecc)[+-]$/.test(f));
  return known ? { processor, xnack: setting("xnack"), sramecc: setting("sramecc") } : undefined;
}

/** The target ID of a target, features in LLVM's order: "gfx90a:sramecc+:xnack-". */
export function formatTarget({ processor, xnack, sramecc }: Target): string {
  const sign = (name: string, setting: Setting) =>
    setting === "on" ? `:${name}+` : setting === "off" ? `:${name}-` : "";
  return processor + sign("sramecc", sramecc) + sign("xnack", xnack);
}

/** RDNA1 runs with xnack off: ROCr names such a card gfx1010:xnack-. */
const defaultXnack = (processor: string): Setting => (/^gfx101\d$/.test(processor) ? "off" : "any");

/** How code of `code` fits a GPU of target `gpu`, and what its settings ask for. */
export interface Fit {
  readonly match: "exact" | "generic" | "superset";
  /** Settings of the code that the GPU's target ID leaves open: "xnack+". */
  readonly needs: readonly string[];
}

/**
 * Whether code would run on a GPU, by the rules of ROCr (Isa::IsCompatible in isa.cpp): the same
 * processor or its generic target, and no setting that contradicts the GPU's. Undefined where not.
 * A "superset" fit is one that ROCr of AMD refuses and the hardware would run.
 */
export function fitOf(code: string, gpu: string): Fit | undefined {
  const [from, to] = [parseTarget(code), parseTarget(gpu)];
  if (!from || !to) return undefined;
  const match = matchOf(from.processor, to.processor);
  if (!match) return undefined;
  const needs: string[] = [];
  for (const name of ["xnack", "sramecc"] as const) {
    const asked = from[name];
    const open = name === "xnack" && to.xnack === "any";
    const has = open ? defaultXnack(to.processor) : to[name];
    if (asked === "any" || asked === "unsupported" || asked === has) continue;
    if (has !== "any") return undefined;
    needs.push(`${name}${asked === "on" ? "+" : "-"}`);
  }
  return { match, needs };
}

function matchOf(code: string, gpu: string): Fit["match"] | undefined {
  if (code === gpu) return "exact";
  if (genericMembers[code]?.includes(gpu)) return "generic";
  return supersets[code]?.includes(gpu) ? "superset" : undefined;
}

/** Orders targets by generation, as people list them: gfx906, gfx90a, gfx1010, gfx1100. */
export function compareTargets(a: string, b: string): number {
  const key = (text: string) => {
    const [, digits = "", rest = ""] = /^gfx(\d+)(.*)$/.exec(text) ?? [];
    if (digits === "") return text;
    const isWhole = !rest.startsWith("-");
    const major = isWhole ? `${digits}${/^[a-z]/.test(rest) ? rest[0] : ""}` : digits;
    const stem = isWhole ? major.slice(0, -2) : major;
    return `${stem.padStart(3, "0")}${isWhole ? 1 : 0}${text}`;
  };
  const [left, right] = [key(a), key(b)];
  return left === right ? 0 : left < right ? -1 : 1;
}
