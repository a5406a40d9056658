import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, RekindleError } from "../../src/errors.ts";

/** What the driver is built of and runs on; scripts/resources.mjs installs it on Debian. */
const needs =
  "it needs gcc, the Vulkan headers (libvulkan-dev) and Mesa's RADV 25 or later " +
  "(mesa-vulkan-drivers); on Debian and Ubuntu: sudo node scripts/system-packages.mjs";

const flags = [
  ...["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-cast-function-type"],
  ...["-shared", "-fPIC", "-fvisibility=hidden"],
];

/**
 * Builds the driver in `root`'s cache, once for each version of its source, and returns the file
 * that describes it to the Vulkan loader. Safe while other processes do the same.
 *
 * Throws "device-missing" with the compiler's words where it cannot be built.
 */
function buildDriver(root: string): string {
  const source = join(root, "tools/navi10/driver.c");
  const text = readFileSync(source);
  const key = createHash("sha256").update(text).update(flags.join(" ")).digest("hex").slice(0, 16);
  const cache = join(root, ".cache/navi10");
  const description = join(cache, key, "driver.json");
  if (existsSync(description)) return description;
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, "build-"));
  try {
    execFileSync("gcc", [...flags, "-o", join(draft, "driver.so"), source, "-ldl"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    rmSync(draft, { recursive: true });
    const { code, stderr } = error as { code?: string; stderr?: string };
    const words = code === "ENOENT" ? "gcc is not installed" : stderr || messageOf(error);
    const what = `the compile-only driver cannot be built: ${words.trim()}`;
    throw new RekindleError("device-missing", what, { fix: needs, cause: error });
  }
  const ICD = { library_path: join(cache, key, "driver.so"), api_version: "1.4.305" };
  const content = { file_format_version: "1.0.1", ICD };
  writeFileSync(join(draft, "driver.json"), JSON.stringify(content));
  try {
    renameSync(draft, join(cache, key));
  } catch (error) {
    rmSync(draft, { recursive: true });
    if (!existsSync(description)) throw error; // Otherwise another process was first.
  }
  return description;
}

/**
 * Makes the driver the only one that this process sees. Vulkan reads the process's environment, so
 * this comes before anything opens a GPU, and in no worker thread. Returns the folder, new and
 * of this process alone, into which the driver writes its reports.
 */
export function useDriver(root: string): string {
  const description = buildDriver(root);
  const folder = mkdtempSync(join(tmpdir(), "rekindle-navi10-"));
  Object.assign(process.env, {
    VK_DRIVER_FILES: description,
    RADV_FORCE_FAMILY: "navi10",
    REKINDLE_DUMP_DIR: folder,
    XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? folder,
  });
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const driverNeeds = needs;
