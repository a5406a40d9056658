import { execFile } from "node:child_process";
import { mkdir, mkdtemp, symlink } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./sources.ts";

/**
 * Builds the package into a new folder below .cache and gives that folder: for tests of what runs
 * in processes of its own. The caller removes it.
 */
export async function buildPackage(): Promise<string> {
  await mkdir(join(root, ".cache"), { recursive: true });
  const folder = await mkdtemp(join(root, ".cache", "built-"));
  for (const name of ["src", "package.json"]) await symlink(join(root, name), join(folder, name));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const flags = ["-p", "tsconfig.build.json", "--outDir", join(folder, "dist")];
  await new Promise((resolve) => {
    // Types are another test's business.
    execFile(process.execPath, [tsc, ...flags, "--declaration", "false"], { cwd: root }, resolve);
  });
  return folder;
}
