import { editFile } from "../edit-file.ts";
import type { Situation } from "../remedy.ts";
import type { Step } from "../step.ts";
import { type Change, withVariables } from "./profile-lines.ts";

/** Files that bash reads, which can say whether one is still a script. */
const ofBash = /(?:\.bash\w*|\.profile|bash\.bashrc|\/etc\/profile|\/etc\/bashrc|\.sh)$/;

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
  if (!step) return undefined;
  const hasBash = (await host.exists("/bin/bash")) && ofBash.test(file);
  const command = { program: "bash", args: ["-n", { path }] };
  return {
    ...step,
    ...(hasBash && { doneWhen: [{ command }] }),
    ...(path.startsWith("/etc/") && { needs: [{ root: true }] }),
  };
}
