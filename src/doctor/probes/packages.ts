import type { Host } from "../../host/index.ts";
import { linesOf } from "./probe.ts";

/** Who owns a file, and whether it is as its package installed it. */
export interface Owner {
  readonly owner?: string;
  readonly isOwned: boolean;
  readonly isModified?: boolean;
}

/** One family of distributions. */
interface PackageManager {
  readonly program: string;
  /** Packages that own files, by path. */
  owners(host: Host, paths: readonly string[]): Promise<Map<string, string>>;
  /** Paths of a package that differ from what was installed; undefined where it cannot tell. */
  changed(host: Host, name: string): Promise<Set<string> | undefined>;
}

const dpkg: PackageManager = {
  program: "dpkg",
  async owners(host, paths) {
    // "hsa-rocr, hsa-rocr:i386: /opt/rocm/lib/libhsa-runtime64.so.1"
    const { out } = await host.run("dpkg", ["-S", ...paths]);
    const owned = new Map<string, string>();
    for (const line of linesOf(out)) {
      const match = /^([^:, ]+)(?::\w+)?(?:, [^:]+(?::\w+)?)*: (\/.*)$/.exec(line);
      if (match) owned.set(match[2]!, match[1]!);
    }
    return owned;
  },
  async changed(host, name) {
    // "??5??????   /usr/lib/x86_64-linux-gnu/libhsa-runtime64.so.1.5.0"; silent where all is well.
    const { out, problem } = await host.run("dpkg", ["-V", name], { timeoutMs: 8000 });
    if (problem) return undefined;
    return new Set(linesOf(out).flatMap((l) => /^\S*5\S* +(?:c +)?(\/.*)$/.exec(l)?.[1] ?? []));
  },
};

const rpm: PackageManager = {
  program: "rpm",
  async owners(host, paths) {
    const owned = new Map<string, string>();
    for (const path of paths) {
      const { status, out } = await host.run("rpm", ["-qf", "--qf", "%{NAME}\\n", path]);
      const name = linesOf(out)[0];
      if (status === 0 && name) owned.set(path, name);
    }
    return owned;
  },
  async changed(host, name) {
    // "S.5....T.    /opt/rocm/lib/libhsa-runtime64.so.1"
    const { out, problem } = await host.run("rpm", ["-V", name], { timeoutMs: 8000 });
    if (problem) return undefined;
    return new Set(linesOf(out).flatMap((l) => /^\S\S5\S+ +(?:\w +)?(\/.*)$/.exec(l)?.[1] ?? []));
  },
};

const pacman: PackageManager = {
  program: "pacman",
  async owners(host, paths) {
    const owned = new Map<string, string>();
    for (const path of paths) {
      const { status, out } = await host.run("pacman", ["-Qoq", path]);
      const name = linesOf(out)[0];
      if (status === 0 && name) owned.set(path, name);
    }
    return owned;
  },
  async changed(host, name) {
    // "warning: hsa-rocr: /opt/rocm/lib/libhsa-runtime64.so.1 (SHA256 checksum mismatch)"
    const { out, err, problem } = await host.run("pacman", ["-Qkk", name], { timeoutMs: 8000 });
    if (problem) return undefined;
    const mismatch = /(\/\S+) \((?:\w+ checksum|Size) mismatch\)/;
    return new Set(linesOf(`${out}\n${err}`).flatMap((l) => mismatch.exec(l)?.[1] ?? []));
  },
};

/** The package manager of a system, by the file in which it keeps its state. */
async function managerOf(host: Host): Promise<PackageManager | undefined> {
  if (await host.exists("/var/lib/dpkg/status")) return dpkg;
  if (await host.exists("/var/lib/pacman/local")) return pacman;
  const rpmState = ["/var/lib/rpm", "/usr/lib/sysimage/rpm"];
  for (const path of rpmState) if (await host.exists(path)) return rpm;
  return undefined;
}

/** Owners of files, by path; none where the system has no package manager that we know. */
export async function ownersOf(host: Host, paths: readonly string[]): Promise<Map<string, Owner>> {
  const manager = paths.length === 0 ? undefined : await managerOf(host);
  if (!manager) return new Map();
  const names = await manager.owners(host, paths);
  const packages = [...new Set(names.values())];
  const changed = new Map(
    await Promise.all(
      packages.map(async (name) => [name, await manager.changed(host, name)] as const),
    ),
  );
  const judge = (path: string): Owner => {
    const owner = names.get(path);
    if (owner === undefined) return { isOwned: false };
    const differs = changed.get(owner);
    return { owner, isOwned: true, ...(differs && { isModified: differs.has(path) }) };
  };
  return new Map(paths.map((path) => [path, judge(path)]));
}
