import { join, relative } from "node:path";
import type { Host } from "./host.ts";

/** Where a path of a machine lies whose files are below `root`. */
export function placed(root: string, path: string): string {
  return root === "/" ? path : join(root, path);
}

/**
 * A host that sees the files below a folder as its own: an image of a machine, or the sandbox of a
 * test. Programs are this machine's; they find the folder in REKINDLE_ROOT.
 *
 * @example
 * await rootedHost(machineHost(), "/mnt").readText("/etc/os-release"); // of the system in /mnt
 */
export function rootedHost(host: Host, root: string): Host {
  if (root === "/") return host;
  const at = (path: string) => placed(root, host.resolve(path));
  const env = { ...host.env, REKINDLE_ROOT: root };
  return {
    ...host,
    env,
    checkFile: (path, what) => host.checkFile(at(path), what),
    readFile: (path, what) => host.readFile(at(path), what),
    checkWritable: (path) => host.checkWritable(at(path)),
    writeFile: (path, content) => host.writeFile(at(path), content),
    exists: (path) => host.exists(at(path)),
    list: (path) => host.list(at(path)),
    readText: (path) => host.readText(at(path)),
    status: (path) => host.status(at(path)),
    freeBytes: (path) => host.freeBytes(at(path)),
    async realPath(path) {
      const [real, top] = [await host.realPath(at(path)), await host.realPath(root)];
      if (real === undefined || top === undefined) return undefined;
      const inside = relative(top, real);
      // A link with an absolute target leads out of the folder: nothing of ours is there.
      return inside.startsWith("..") ? undefined : join("/", inside);
    },
    run: (program, args, options) =>
      host.run(program, args, { env: { ...env, LC_ALL: "C", LD_PRELOAD: undefined }, ...options }),
  };
}
