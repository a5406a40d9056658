import type { Facts } from "../../doctor/facts.ts";
import { editFile, sha256 } from "../edit-file.ts";
import type { Situation } from "../remedy.ts";
import type { Step } from "../step.ts";
import { type Change, withVariables } from "./profile-lines.ts";

/** Files that bash reads, which can say whether one is still a script. */
const ofBash =
  /(?:\.bash\w*|\.profile|bash\.bashrc|\/etc\/profile|\/etc\/bashrc|\.sh|bin\/activate)$/;

/**
 * A step that changes variables in a profile, a list of assignments or a service; undefined where
 * nothing changes. `file` is as the facts name it: "~/.bashrc".
 */
export async function editProfile(
  { host, home }: Situation,
  file: string,
  head: Pick<Step, "id" | "does">,
  change: Change,
): Promise<Step | undefined> {
  const path = file.replace(/^~(?=\/)/, home);
  const step = await editFile(host, path, head, (text) => withVariables(text, file, change));
  if (step?.kind !== "write") return undefined;
  const hasBash = (await host.exists("/bin/bash")) && ofBash.test(file);
  // The content too: a file that is a script as it stands is not yet changed.
  const changed = { file: step.path, sha256: sha256(step.content) };
  const command = { program: "bash", args: ["-n", { path }] };
  return {
    ...step,
    ...(hasBash && step.content !== "" && { doneWhen: [changed, { command }] }),
    ...(isOfSystem(file) && { needs: [{ root: true }] }),
  };
}

/** Whether root alone may change a file that facts name: "/etc/environment", "~/.bashrc:3". */
export const isOfSystem = (file: string) => file.startsWith("/");

/**
 * Which files to change now. Root's home is not the user's, so what is in the user's own files is
 * done without root, and the system's files in a second turn.
 */
export function withinReach(
  files: readonly string[],
  { permissions }: Facts,
): { readonly now: readonly string[]; readonly notes: readonly string[] } {
  const system = files.filter(isOfSystem);
  const own = files.filter((file) => !isOfSystem(file));
  if (permissions?.isRoot !== false || own.length === 0) return { now: files, notes: [] };
  const notes = [`Then, for ${system.join(", ")}: the same command once more, with sudo.`];
  return { now: own, notes: system.length > 0 ? notes : [] };
}

/** What systemd has to be told once its units are changed, and again once that is taken back. */
export function serviceNotes(files: readonly string[]): string[] {
  const units = files.filter((file) => /\/systemd\/(?:system|user)\//.test(file));
  return units.map((file) => {
    const name = /\/([^/]+?\.\w+?)(?:\.d\/[^/]*)?$/.exec(file)?.[1] ?? file;
    const isOwn = file.startsWith("~") || file.startsWith("/etc/systemd/user/");
    const control = isOwn ? "systemctl --user" : "sudo systemctl";
    return (
      `${name} runs on as it was started: ${control} daemon-reload, then ${control} restart ` +
      `${name}; the same after rekindle undo.`
    );
  });
}
