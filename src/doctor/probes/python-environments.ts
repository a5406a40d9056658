import { dirname } from "node:path";
import type { Host } from "../../host/index.ts";
import type { TorchFacts } from "../facts.ts";
import { linesOf, nameOf } from "./probe.ts";

type Kind = NonNullable<TorchFacts["kind"]>;

/** A folder from which some Python imports packages. */
export interface SitePackages {
  readonly path: string;
  /** The environment's prefix. */
  readonly environment: string;
  readonly kind: Kind;
  /** "3.11", where the path tells. */
  readonly python?: string;
  readonly isActive: boolean;
}

/** Enough for any machine; folders full of projects are cut off here. */
const environmentsMax = 200;

/** Folders of packages of all Pythons that can be found in the usual places. */
export async function sitePackages(host: Host): Promise<SitePackages[]> {
  const prefixes = await environmentPrefixes(host);
  const active = await activePrefix(host);
  const found: SitePackages[] = [];
  const seen = new Set<string>();
  for (const [prefix, kind] of [...prefixes].slice(0, environmentsMax)) {
    for (const path of await packageFolders(host, prefix)) {
      const real = await host.realPath(path);
      if (real === undefined || seen.has(real)) continue;
      seen.add(real);
      const python = /python(\d+\.\d+)/.exec(path)?.[1];
      found.push({
        path,
        environment: prefix,
        kind,
        ...(python && { python }),
        isActive: prefix === active,
      });
    }
  }
  return found;
}

/** Prefixes with what manages them, the active ones first. */
export async function environmentPrefixes(host: Host): Promise<Map<string, Kind>> {
  const { env } = host;
  const { home } = await host.system();
  const prefixes = new Map<string, Kind>();
  const add = (prefix: string | undefined, kind: Kind) => {
    if (prefix && !prefixes.has(prefix)) prefixes.set(prefix, kind);
  };
  const addAll = async (folder: string, kind: Kind) => {
    for (const name of await host.list(folder)) add(`${folder}/${name}`, kind);
  };
  add(env.VIRTUAL_ENV, "venv");
  add(env.CONDA_PREFIX, "conda");
  for (const prefix of await pathPrefixes(host)) {
    const isVenv = await host.exists(`${prefix}/pyvenv.cfg`);
    add(prefix, isVenv ? "venv" : "system");
  }
  await addVenvs(host, host.resolve("."), add);
  for (const name of [".pyenv/versions", ".local/share/mise/installs/python"]) {
    await addAll(`${home}/${name}`, "pyenv");
  }
  for (const name of [".local/share/pipx/venvs", ".local/pipx/venvs", ".local/share/uv/tools"]) {
    await addAll(`${home}/${name}`, "pipx");
  }
  for (const name of [".virtualenvs", ".venvs", "venvs", ".local/share/virtualenvs"]) {
    await addAll(`${home}/${name}`, "venv");
  }
  for (const line of linesOf(await host.readText(`${home}/.conda/environments.txt`))) {
    add(line, "conda");
  }
  for (const base of condaBases(home)) {
    if (!(await host.exists(`${base}/conda-meta`))) continue;
    add(base, "conda");
    await addAll(`${base}/envs`, "conda");
  }
  await addVenvs(host, home, add);
  add(`${home}/.local`, "user");
  if (host.platform !== "win32") for (const p of ["/usr/local", "/usr"]) add(p, "system");
  else await addAll(`${env.LOCALAPPDATA ?? home}\\Programs\\Python`, "system");
  return prefixes;
}

function condaBases(home: string): string[] {
  const names = ["miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba"];
  return [...names.map((name) => `${home}/${name}`), "/opt/conda", "/opt/miniconda3"];
}

/** Virtual environments in a folder and in the folders in it: venv, project/.venv. */
async function addVenvs(
  host: Host,
  folder: string,
  add: (prefix: string, kind: Kind) => void,
): Promise<void> {
  const usual = ["venv", ".venv", "env"];
  const children = (await host.list(folder)).filter((n) => !n.startsWith(".") || n === ".venv");
  const candidates = [
    folder,
    ...children.flatMap((child) => [
      `${folder}/${child}`,
      ...usual.map((name) => `${folder}/${child}/${name}`),
    ]),
  ].slice(0, 1000);
  const isVenv = await Promise.all(candidates.map((c) => host.exists(`${c}/pyvenv.cfg`)));
  for (const [i, candidate] of candidates.entries()) if (isVenv[i]) add(candidate, "venv");
}

async function packageFolders(host: Host, prefix: string): Promise<string[]> {
  if (host.platform === "win32") return [`${prefix}/Lib/site-packages`];
  const folders: string[] = [];
  for (const lib of ["lib", "lib64"]) {
    for (const name of await host.list(`${prefix}/${lib}`)) {
      if (!/^python3(\.\d+)?$/.test(name)) continue;
      folders.push(`${prefix}/${lib}/${name}/site-packages`);
      folders.push(`${prefix}/${lib}/${name}/dist-packages`);
    }
  }
  return folders;
}

/** The environment whose `python` this shell would start. */
async function activePrefix(host: Host): Promise<string | undefined> {
  const { env } = host;
  return env.VIRTUAL_ENV ?? env.CONDA_PREFIX ?? (await pathPrefixes(host))[0];
}

/** The environments of all Pythons on the PATH, and of those that they are links to. */
async function pathPrefixes(host: Host): Promise<string[]> {
  const isWindows = host.platform === "win32";
  const names = isWindows ? ["python.exe"] : ["python", "python3"];
  const prefixes: string[] = [];
  for (const folder of (host.env.PATH ?? "").split(isWindows ? ";" : ":")) {
    for (const name of names) {
      if (!folder || !(await host.exists(`${folder}/${name}`))) continue;
      const real = await host.realPath(`${folder}/${name}`);
      const folders = real === undefined ? [folder] : [folder, dirname(real)];
      prefixes.push(...folders.map(prefixOf));
    }
  }
  return [...new Set(prefixes)];
}

const prefixOf = (folder: string): string =>
  nameOf(folder) === "bin" ? folder.slice(0, -"/bin".length) : folder;
