import { invocationOf, shownCommand } from "./command.ts";
import { sha256 } from "./edit-file.ts";
import type { Check } from "./step.ts";
import type { Surroundings } from "./surroundings.ts";

const commandMs = 60_000;

/** Why a check does not hold, as a clause; undefined where it does. Never throws. */
export async function whyNot(check: Check, around: Surroundings): Promise<string | undefined> {
  const { host, machine, root, home } = around;
  if ("exists" in check) {
    return (await host.exists(check.exists)) ? undefined : `${check.exists} is missing`;
  }
  if ("absent" in check) {
    return (await host.exists(check.absent)) ? `${check.absent} is there` : undefined;
  }
  if ("file" in check) return await whyNotFile(check, around);
  const { program, args, env, folder } = invocationOf(check.command, root, machine.env, home);
  const isThere = await machine.exists(folder);
  const ended = await machine.run(program, args, {
    timeoutMs: commandMs,
    env,
    ...(isThere && { folder }),
  });
  const shown = shownCommand(check.command);
  if (ended.status !== 0) return `${shown} ended with ${ended.problem ?? `status ${ended.status}`}`;
  const isAsWanted = check.prints === undefined || new RegExp(check.prints).test(ended.out);
  return isAsWanted ? undefined : `${shown} does not print ${check.prints}`;
}

async function whyNotFile(
  check: Extract<Check, { file: string }>,
  { host }: Surroundings,
): Promise<string | undefined> {
  const { file } = check;
  if ("contains" in check) {
    // Also files of the kernel, which have no size.
    const has = (await host.readText(file))?.includes(check.contains) ?? false;
    return has ? undefined : `${file} does not contain ${JSON.stringify(check.contains)}`;
  }
  const content = await host.readFile(file, "file").catch(() => undefined);
  if (content === undefined) return `${file} is missing or empty`;
  return sha256(content) === check.sha256 ? undefined : `${file} has another content`;
}

/** The first reason against checks that all have to hold. */
export async function firstReason(
  checks: readonly Check[],
  around: Surroundings,
): Promise<string | undefined> {
  for (const check of checks) {
    const reason = await whyNot(check, around);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
