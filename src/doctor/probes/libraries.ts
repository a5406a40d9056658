import { createHash } from "node:crypto";
import type { Host } from "../../host/index.ts";
import type { LibraryFacts } from "../facts.ts";
import { ownersOf } from "./packages.ts";
import { known, libraryFolders, linesOf, nameOf, type Probe } from "./probe.ts";
import { sitePackages } from "./python-environments.ts";
import { installationFolders } from "./rocm.ts";

const pattern = /^(libhsa-runtime64|libamdhip64|libMIOpen)\.so(?:\.([\d.]+))?$/;

/** ROCm's runtime libraries: who put each there, and whether it was changed since. */
export const librariesProbe: Probe = {
  name: "libraries",
  what: "ROCm's runtime libraries",
  systems: ["linux"],
  timeoutMs: 10_000,
  byHand: "dpkg -S libhsa-runtime64.so; dpkg -V hsa-rocr",
  async learn(host) {
    const system = await systemLibraries(host);
    const owners = await ownersOf(host, [...system.keys()]);
    const owned = [...system].map(([path, name]) => {
      const owner = owners.get(path);
      return known({ name, path, version: versionIn(path), ...owner }) as LibraryFacts;
    });
    const sites = await sitePackages(host);
    const inside = await Promise.all(sites.map((s) => wheelLibraries(host, s.path, s.environment)));
    return { libraries: [...owned, ...inside.flat()] };
  },
};

/** Real paths of libraries outside of Python environments, with their names. */
async function systemLibraries(host: Host): Promise<Map<string, LibraryFacts["name"]>> {
  const rocm = (await installationFolders(host)).map((folder) => `${folder}/lib`);
  const named = (host.env.LD_LIBRARY_PATH ?? "").split(":").filter(Boolean);
  const found = new Map<string, LibraryFacts["name"]>();
  for (const folder of new Set([...named, ...rocm, ...libraryFolders])) {
    for (const file of await host.list(folder)) {
      const name = pattern.exec(file)?.[1] as LibraryFacts["name"] | undefined;
      const path = name && (await host.realPath(`${folder}/${file}`));
      if (path) found.set(path, name);
    }
  }
  return found;
}

function versionIn(path: string): string | undefined {
  return pattern.exec(nameOf(path))?.[2];
}

/**
 * Folders of site-packages in which wheels keep ROCm's libraries. `_rocm_sdk_devel` is none: it is
 * filled after the installation.
 */
const wheelFolders = /^(torch|_rocm_sdk_(core|libraries\w*))$/;

async function wheelLibraries(
  host: Host,
  site: string,
  environment: string,
): Promise<LibraryFacts[]> {
  const names = await host.list(site);
  const found = new Map<string, LibraryFacts>();
  const records = await recordsOf(host, site, names);
  const realSite = (await host.realPath(site)) ?? site;
  for (const folder of names.filter((name) => wheelFolders.test(name))) {
    for (const file of await host.list(`${site}/${folder}/lib`)) {
      const name = pattern.exec(file)?.[1] as LibraryFacts["name"] | undefined;
      if (!name) continue;
      const relative = `${folder}/lib/${file}`;
      const real = (await host.realPath(`${site}/${relative}`)) ?? `${site}/${relative}`;
      // A link to a file of the same wheels is as good as that file.
      const inside = real.startsWith(`${realSite}/`) ? real.slice(realSite.length + 1) : relative;
      const record =
        records.find((r) => r.path === inside) ?? records.find((r) => r.path === relative);
      found.set(
        real,
        known({
          name,
          path: real,
          version: versionIn(real),
          environment,
          owner: record?.owner,
          // Without any list of files, as conda installs, nobody can tell.
          isOwned: records.length === 0 ? undefined : record !== undefined,
          isModified: record && (await isModified(host, real, record)),
        }),
      );
    }
  }
  return [...found.values()];
}

interface WheelRecord {
  readonly owner: string;
  /** Relative to site-packages. */
  readonly path: string;
  /** SHA-256 in URL-safe base64, without padding; absent where the wheel gives none. */
  readonly hash?: string;
  readonly sizeBytes?: number;
}

/** What the RECORDs of torch and ROCm list: "torch/lib/libMIOpen.so,sha256=...,1234". */
async function recordsOf(
  host: Host,
  site: string,
  names: readonly string[],
): Promise<WheelRecord[]> {
  const infos = names.filter((name) => /^(torch|rocm\w*)-\d.*\.dist-info$/.test(name));
  const records = await Promise.all(
    infos.map(async (info) => {
      const owner = info.replace(".dist-info", "").replace("-", " ");
      return linesOf(await host.readText(`${site}/${info}/RECORD`)).map((line) => {
        const [path = "", hash = "", size = ""] = line.split(",");
        return known({
          owner,
          path,
          hash: hash.startsWith("sha256=") ? hash.slice(7) : undefined,
          sizeBytes: size === "" ? undefined : Number(size),
        });
      });
    }),
  );
  return records.flat();
}

/** Larger files are compared by size alone: hashing them would take seconds. */
const hashedBytesMax = 64 * 2 ** 20;

async function isModified(
  host: Host,
  real: string,
  { path, hash, sizeBytes }: WheelRecord,
): Promise<boolean | undefined> {
  // A link in the place of the file leads to another ROCm mostly.
  if (!real.endsWith(`/${path}`)) return true;
  const status = await host.status(real);
  if (!status || sizeBytes === undefined) return undefined;
  if (status.sizeBytes !== sizeBytes) return true;
  if (hash === undefined || sizeBytes > hashedBytesMax) return false;
  const found = await host.learn(`sha256 ${real}`, async () =>
    createHash("sha256")
      .update(await host.readFile(real, "library"))
      .digest("base64url"),
  );
  return found !== hash;
}
