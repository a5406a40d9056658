import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isRelevant } from "../doctor/index.ts";
import { RekindleError } from "../errors.ts";
import type { Host } from "../host/index.ts";

/** What goes on after the next start of the machine. */
export interface Armed {
  /** The program with its arguments. */
  readonly command: readonly string[];
  /** For people: "rekindle validate --target engine". */
  readonly what: string;
}

const unitName = "rekindle-validate.service";

async function unitPath(host: Host): Promise<string> {
  const { XDG_CONFIG_HOME, HOME } = host.env;
  const base = XDG_CONFIG_HOME || join(HOME || (await host.system()).home, ".config");
  return join(base, "systemd", "user", unitName);
}

/** Variables that decide what is loaded and where results lie; a service starts without them. */
const kept =
  /^(PATH|XDG_STATE_HOME|VK_DRIVER_FILES|VK_ICD_FILENAMES|LD_LIBRARY_PATH|REKINDLE_\w+)$/;

/**
 * A unit of systemd that runs a command once in the user's session.
 *
 * @example unitText({ command: ["/usr/bin/node", "main.js", "validate"], what: "..." }, {});
 */
export function unitText({ command, what }: Armed, env: Host["env"]): string {
  const settings = Object.entries(env)
    .filter(([name, value]) => value !== undefined && (kept.test(name) || isRelevant(name)))
    .map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`);
  return [
    "[Unit]",
    `Description=Go on with ${what} after a restart`.replaceAll("%", "%%"),
    "",
    "[Service]",
    "Type=oneshot",
    ...settings,
    `ExecStart=${command.map((word) => quoted(word).replaceAll("$", "$$$$")).join(" ")}`,
    "",
    "[Install]",
    "WantedBy=default.target",
    "",
  ].join("\n");
}

/** A word as systemd reads it: "%" and quotes mean something there (man systemd.syntax). */
function quoted(word: string): string {
  if (/[\n\r]/.test(word)) {
    throw new RekindleError("usage", "a name with a line break cannot stand in a unit of systemd", {
      fix: "rename it",
    });
  }
  const escaped = word.replaceAll("%", "%%").replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return /^[\w./:=@%+,-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** Runs `systemctl --user`; throws "usage" where there is none. */
async function systemctl(host: Host, ...args: readonly string[]): Promise<void> {
  const { status, err } = await host.run("systemctl", ["--user", ...args], { env: host.env });
  if (status === 0) return;
  const why = err.trim().split("\n")[0] || "systemctl --user does not work here";
  throw new RekindleError("usage", `systemd cannot be asked to go on after a restart: ${why}`, {
    fix: "restart the machine yourself, and run the same command again: results are kept by boot",
  });
}

/**
 * Installs a user service that runs a command after the next start of the machine. Throws "usage"
 * where systemd does not take it; nothing is left behind then.
 */
export async function arm(host: Host, armed: Armed): Promise<{ readonly path: string }> {
  const path = await unitPath(host);
  await mkdir(dirname(path), { recursive: true });
  await host.writeFile(path, unitText(armed, host.env));
  try {
    await systemctl(host, "daemon-reload");
    await systemctl(host, "enable", unitName);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return { path };
}

/**
 * Removes the service. One that runs removes itself before it does anything else: what brings the
 * machine down does so once, and not at every start. Gives whether there was one.
 */
export async function disarm(host: Host): Promise<boolean> {
  const path = await unitPath(host);
  if (!(await host.exists(path))) return false;
  // Only a link to the file is left if this fails, which starts nothing.
  await systemctl(host, "disable", unitName).catch(() => undefined);
  await rm(path, { force: true });
  await systemctl(host, "daemon-reload").catch(() => undefined);
  return true;
}
