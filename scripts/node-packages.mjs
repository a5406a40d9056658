import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { run, step } from "./process.mjs";

const installed = "node_modules/.package-lock.json";

/** Why `npm ci` has to run, or undefined where node_modules is what the lock file says. */
function reasonToInstall(root) {
  const mark = join(root, installed);
  if (!existsSync(mark)) return "node_modules is not there";
  if (statSync(mark).mtimeMs < statSync(join(root, "package-lock.json")).mtimeMs) {
    return "package-lock.json is newer than node_modules";
  }
  return undefined;
}

/** Installs the npm packages where they are missing or old; true, or a sentence of what failed. */
export async function installNodePackages(root) {
  const reason = reasonToInstall(root);
  if (!reason) return true;
  // "error", because below `npm test --silent` npm would fail without a word.
  const status = await step(`npm ci (${reason})`, () =>
    run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: root,
      shell: process.platform === "win32",
      env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
    }),
  );
  return status === 0 || `npm ci failed (status ${status}): its own messages above say why`;
}
