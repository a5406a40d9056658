import type { Host } from "../../host/index.ts";
import type { TorchFacts } from "../facts.ts";
import { known, type Probe } from "./probe.ts";
import { type SitePackages, sitePackages } from "./python-environments.ts";
import { dataTargets } from "./rocm.ts";

/** Every PyTorch that can be found, by its files: nothing is imported. */
export const torchProbe: Probe = {
  name: "torch",
  what: "PyTorch installations",
  timeoutMs: 6000,
  byHand: "python -c 'import torch; print(torch.__version__, torch.version.hip)'",
  async learn(host) {
    const folders = await sitePackages(host);
    const found = await Promise.all(folders.map((folder) => torchIn(host, folder)));
    return { torch: found.filter((torch) => torch !== undefined) };
  },
};

async function torchIn(host: Host, site: SitePackages): Promise<TorchFacts | undefined> {
  const path = `${site.path}/torch`;
  const versionFile = await host.readText(`${path}/version.py`);
  if (versionFile === undefined) return undefined;
  const names = await host.list(site.path);
  const packages = packagesIn(names);
  const metadata = await metadataOf(host, site.path, names);
  const values = readVersion(versionFile);
  const bundlesRuntime = (await host.list(`${path}/lib`)).some((n) => n.includes("amdhip64"));
  const offeredExtras = [...metadata.matchAll(/^Provides-Extra: device-(gfx\w+)\s*$/gm)].map(
    (match) => match[1]!,
  );
  const targets = await libraryTargets(host, site.path, names);
  return known({
    path,
    environment: site.environment,
    kind: site.kind,
    isActive: site.isActive,
    python: site.python,
    version: values.version,
    build: buildOf({ ...values, packages, metadata, bundlesRuntime, site, offeredExtras }),
    rocmVersion: values.hip === undefined ? undefined : rocmVersion(values.version, values.hip),
    cudaVersion: values.cuda,
    offeredExtras: metadata === "" ? undefined : offeredExtras,
    packages,
    ...targets,
  });
}

interface VersionValues {
  readonly version?: string;
  readonly hip?: string;
  readonly cuda?: string;
  readonly xpu?: string;
}

/** What torch/version.py says: "hip: Optional[str] = '6.2.41134-65d174c3e'". */
export function readVersion(text: string): VersionValues {
  const value = (name: string) =>
    new RegExp(`^${name}\\s*(?::[^=]*)?=\\s*['"]([^'"]+)['"]`, "m").exec(text)?.[1];
  return known({
    version: value("__version__"),
    hip: value("hip"),
    cuda: value("cuda"),
    xpu: value("xpu"),
  });
}

/** Packages that matter beside torch, by how their names begin. */
const relevantPackage = /^(torch|triton|pytorch[-_]triton|rocm|amd[-_]torch|rekindle)/i;

function packagesIn(names: readonly string[]): Record<string, string> {
  const packages: Record<string, string> = {};
  for (const name of names) {
    const match = /^(.+?)-(\d[^-]*)\.dist-info$/.exec(name);
    if (!match || !relevantPackage.test(name)) continue;
    packages[match[1]!.replace(/[_.]/g, "-").toLowerCase()] = match[2]!;
  }
  return packages;
}

async function metadataOf(host: Host, site: string, names: readonly string[]): Promise<string> {
  const info = names.find((name) => /^torch-\d.*\.dist-info$/.test(name));
  return (info && (await host.readText(`${site}/${info}/METADATA`))) || "";
}

interface Build extends VersionValues {
  readonly packages: Readonly<Record<string, string>>;
  readonly metadata: string;
  readonly bundlesRuntime: boolean;
  readonly offeredExtras: readonly string[];
  readonly site: SitePackages;
}

function buildOf(build: Build): TorchFacts["build"] {
  const { version = "", hip, cuda, xpu, packages, metadata, site } = build;
  if (hip === undefined) return cuda ? "cuda" : xpu ? "xpu" : "cpu";
  const names = Object.keys(packages);
  if (build.offeredExtras.length > 0) return "amd-multiarch";
  if (names.some((name) => name.startsWith("amd-torch-device"))) return "amd-multiarch";
  if (packages["rocm-sdk-core"] || /^Requires-Dist: rocm\b/m.test(metadata)) return "amd-family";
  if (site.environment === "/usr") return "distribution";
  return /\+rocm\d/.test(version) && build.bundlesRuntime ? "rocm-stock" : "source";
}

/** "6.2.4" of "2.6.0+rocm6.2.4"; the version of HIP holds but two places of ROCm's. */
function rocmVersion(version: string | undefined, hip: string): string | undefined {
  const local = /\+rocm(\d[\w.]*)/.exec(version ?? "")?.[1];
  return local ?? /^\d+\.\d+/.exec(hip)?.[0];
}

/** Targets of the data folders inside torch and inside AMD's packages of ROCm. */
async function libraryTargets(host: Host, site: string, names: readonly string[]) {
  const sdks = names.filter((name) => /^_rocm_sdk_(libraries|device)/.test(name));
  const prefixes = [`${site}/torch`, ...sdks.map((name) => `${site}/${name}`)];
  const found = await Promise.all(
    prefixes.map((p) => dataTargets(host, `${p}/lib`, `${p}/share/miopen/db`)),
  );
  const union = (key: "rocblasTargets" | "miopenTargets") => {
    const lists = found.flatMap((f) => (f[key] ? [f[key]] : []));
    return lists.length === 0 ? undefined : [...new Set(lists.flat())].sort();
  };
  return known({ rocblasTargets: union("rocblasTargets"), miopenTargets: union("miopenTargets") });
}
