import { posix } from "node:path";
import type { Ended, FileStatus, Host, SystemInfo } from "../src/host/index.ts";
import { replayHost } from "../src/host/index.ts";

/** A machine in a few words, for tests of probes. */
export interface Tree {
  readonly platform?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** Files by path; null stands for a device that this user may not open. */
  readonly files: Readonly<Record<string, string | null>>;
  /** Links by path, with absolute targets. */
  readonly links?: Readonly<Record<string, string>>;
  /** What programs print, by command line; all others are missing. */
  readonly programs?: Readonly<Record<string, Partial<Ended>>>;
  readonly system?: Partial<SystemInfo>;
}

/** A host that sees nothing but the tree. */
export function treeHost(tree: Tree): Host {
  const { platform = "linux", env = {}, folder = "/people/alice/project", files } = tree;
  const links = Object.entries(tree.links ?? {}).sort(([a], [b]) => b.length - a.length);
  const real = (path: string): string => {
    const full = posix.resolve(folder, path);
    const link = links.find(([from]) => full === from || full.startsWith(`${from}/`));
    return link ? real(link[1] + full.slice(link[0].length)) : full;
  };
  const isFolder = (path: string) =>
    [...Object.keys(files), ...links.map(([from]) => from)].some((f) => f.startsWith(`${path}/`));
  const has = (path: string) => path in files || isFolder(path);
  const nothing = replayHost({ version: 1, platform, folder, env: { ...env }, answers: {} });
  return {
    ...nothing,
    resolve: (path) => posix.resolve(folder, path),
    exists: async (path) => has(real(path)),
    async list(path) {
      const base = `${real(path)}/`;
      const all = [...Object.keys(files), ...links.map(([from]) => from)];
      const inside = all.filter((f) => f.startsWith(base)).map((f) => f.slice(base.length));
      return [...new Set(inside.map((name) => name.split("/")[0]!))].sort();
    },
    readText: async (path) => files[real(path)] ?? undefined,
    realPath: async (path) => (has(real(path)) ? real(path) : undefined),
    freeBytes: async () => 10e9,
    async status(path): Promise<FileStatus | undefined> {
      const content = files[real(path)];
      if (content === undefined) return undefined;
      const isOpen = content !== null;
      const kind = path.startsWith("/dev/") ? "device" : "file";
      const sizeBytes = content?.length ?? 0;
      return { kind, sizeBytes, mode: 0o660, group: 105, canRead: isOpen, canWrite: isOpen };
    },
    readFile: async (path) => Buffer.from(files[real(path)] ?? ""),
    system: async () => ({
      arch: "x64",
      kernelRelease: "6.12.9-amd64",
      hostName: "workshop",
      user: "alice",
      home: "/people/alice",
      userId: 1000,
      groups: [1000, 44],
      memoryBytes: 16e9,
      freeMemoryBytes: 8e9,
      ...tree.system,
    }),
    async run(program, args) {
      const told = tree.programs?.[[program, ...args].join(" ")];
      const missing: Ended = { status: null, out: "", err: "", problem: "missing" };
      return told ? { status: 0, out: "", err: "", ...told } : missing;
    },
    learn: (_, work) => work(),
  };
}
