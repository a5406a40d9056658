import type { Host } from "../../host/index.ts";
import type { RocmFacts } from "../facts.ts";
import { known, libraryFolders, type Probe } from "./probe.ts";

/** ROCm installations outside of Python environments, and what their libraries hold. */
export const rocmProbe: Probe = {
  name: "rocm",
  what: "ROCm installations",
  systems: ["linux", "win32"],
  timeoutMs: 4000,
  byHand: "ls -d /opt/rocm*; cat /opt/rocm*/.info/version",
  async learn(host) {
    const folders = await installationFolders(host);
    const found = await Promise.all(folders.map((path) => installationAt(host, path)));
    const distribution = host.platform === "linux" ? await distributionRocm(host) : undefined;
    return { rocm: [...found, distribution].filter((rocm) => rocm !== undefined) };
  },
};

/** Where ROCm may be installed, without links to one another. */
export async function installationFolders(host: Host): Promise<string[]> {
  const { env } = host;
  if (host.platform === "win32") {
    const base = `${env.ProgramFiles ?? "C:\\Program Files"}\\AMD\\ROCm`;
    return (await host.list(base)).map((name) => `${base}\\${name}`);
  }
  const named = [env.ROCM_PATH, env.ROCM_HOME, env.HIP_PATH].filter((path) => path !== undefined);
  const opt = (await host.list("/opt")).filter((name) => name.startsWith("rocm"));
  const candidates = [...opt.map((name) => `/opt/${name}`), ...named];
  // AMD's packages of 2026 put each version into a folder of its own below /opt/rocm.
  for (const name of await host.list("/opt/rocm")) {
    if (/^core-\d/.test(name)) candidates.push(`/opt/rocm/${name}`);
  }
  const real = await Promise.all(candidates.map((path) => host.realPath(path)));
  // Debian's packages live in /usr, which is told apart below.
  return [...new Set(real.filter((path) => path !== undefined && path !== "/usr"))] as string[];
}

async function installationAt(host: Host, path: string): Promise<RocmFacts | undefined> {
  const told = (await host.readText(`${path}/.info/version`))?.trim();
  const named = /(\d+(?:\.\d+)+)$/.exec(path)?.[1];
  const targets = await dataTargets(host, `${path}/lib`, `${path}/share/miopen/db`);
  const version = told ? told.replace(/-.*/, "") : named;
  if (version === undefined && Object.keys(targets).length === 0) return undefined;
  return known({ path, version, kind: "installation" as const, ...targets });
}

async function distributionRocm(host: Host): Promise<RocmFacts | undefined> {
  for (const folder of libraryFolders) {
    const runtime = (await host.list(folder)).find((n) => /^libamdhip64\.so\.\d+\.\d/.test(n));
    if (!runtime) continue;
    const version = runtime.replace("libamdhip64.so.", "").replace(/\.\d{5}.*$/, "");
    const targets = await dataTargets(host, folder, "/usr/share/miopen/db");
    return known({ path: folder, version, kind: "distribution" as const, ...targets });
  }
  return undefined;
}

/**
 * Targets that the data folders of rocBLAS, hipBLASLt and MIOpen are for, by the names of their
 * files; a folder that is not there leaves its key out.
 */
export async function dataTargets(
  host: Host,
  libraries: string,
  miopen: string,
): Promise<Pick<RocmFacts, "rocblasTargets" | "hipblasltTargets" | "miopenTargets">> {
  const namesOf = async (name: string) => {
    const folder = `${libraries}/${name}`;
    const plain = await host.list(`${folder}/library`);
    // Debian puts the data into a folder named after the version.
    const versions = plain.length > 0 ? [] : await host.list(folder);
    const nested = await Promise.all(versions.map((v) => host.list(`${folder}/${v}/library`)));
    return [...plain, ...nested.flat()];
  };
  const targets = (names: readonly string[]) =>
    names.length === 0 ? undefined : targetsIn(names, /gfx\d+[0-9a-f]*/);
  const databases = (await host.list(miopen)).filter((name) => /\.(kdb|db|txt)$/.test(name));
  return known({
    rocblasTargets: targets(await namesOf("rocblas")),
    hipblasltTargets: targets(await namesOf("hipblaslt")),
    miopenTargets:
      databases.length === 0 ? undefined : targetsIn(databases, /gfx\d+[0-9a-f]*(_\d+)?/),
  });
}

function targetsIn(names: readonly string[], pattern: RegExp): string[] {
  return [...new Set(names.flatMap((name) => pattern.exec(name)?.[0] ?? []))].sort();
}
