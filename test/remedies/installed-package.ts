import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { buildPackage } from "../built.ts";
import { root } from "../sources.ts";

/**
 * The package as users have it: built, packed, and unpacked into node_modules of a folder, beside
 * what it depends on. The folder that holds its package.json.
 */
export async function installPackage(folder: string): Promise<string> {
  const built = await buildPackage();
  try {
    const { files, dependencies, optionalDependencies } = JSON.parse(
      readFileSync(join(root, "package.json"), "utf8"),
    );
    rmSync(join(built, "src"));
    rmSync(join(built, "package.json"));
    for (const name of new Set<string>(["package.json", ...files.map(topFolder)])) {
      if (name !== "dist") cpSync(join(root, name), join(built, name), copying);
    }
    const pack = ["pack", "--ignore-scripts", "--silent", `--pack-destination=${folder}`];
    execFileSync("npm", pack, { cwd: built, stdio: "pipe" });
    const modules = join(folder, "node_modules");
    const installed = join(modules, "rekindle");
    mkdirSync(installed, { recursive: true });
    const packed = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
    execFileSync("tar", ["-xzf", join(folder, packed), "-C", installed, "--strip-components=1"]);
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(root, "node_modules", name), join(modules, name));
    }
    return installed;
  } finally {
    rmSync(built, { recursive: true });
  }
}

const topFolder = (pattern: string) => pattern.split("/")[0]!;
const copying = { recursive: true, filter: (path: string) => !/\.\w+_cache$/.test(path) };
