import { libraryFolders } from "../../doctor/probes/probe.ts";
import { onLinux } from "../../doctor/rules/common.ts";
import { RekindleError } from "../../errors.ts";
import type { Host } from "../../host/index.ts";
import { editFile, sha256 } from "../edit-file.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Plan, Step } from "../step.ts";
import { waySources } from "./way-sources.ts";

/** What people put behind a name before they change a file. */
const suffix = /(?:\.(?:bak|backup|orig|old|save|foreign|dist)(?:[.-]?\d+)?|~)$/i;

interface Backup {
  readonly from: string;
  readonly to: string;
}

/** Backups beside the files that attempts to repair ROCm change. */
async function backupsOn(host: Host, home: string): Promise<Backup[]> {
  const rocm = (await host.list("/opt")).filter((name) => name.startsWith("rocm"));
  const places: [folder: string, name: RegExp][] = [
    [home, /^\.(?:bashrc|profile|zshrc|zshenv|bash_profile|pam_environment)/],
    ["/etc", /^(?:environment|ld\.so\.preload|profile|bash\.bashrc)/],
    ["/etc/default", /^grub/],
    ["/etc/modprobe.d", /amdgpu|rocm|kfd/],
    ["/etc/profile.d", /./],
    ...[...libraryFolders, ...rocm.map((name) => `/opt/${name}/lib`)].map(
      (folder): [string, RegExp] => [folder, /^lib(?:hsa|amdhip|hsakmt|MIOpen|rocblas)/],
    ),
  ];
  const found: Backup[] = [];
  for (const [folder, name] of places) {
    for (const one of await host.list(folder)) {
      if (!name.test(one) || !suffix.test(one)) continue;
      const [from, to] = [`${folder}/${one}`, `${folder}/${one.replace(suffix, "")}`];
      if ((await host.status(from))?.kind === "file") found.push({ from, to });
    }
  }
  return found;
}

async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { host, home, options } = situation;
  const found = await backupsOn(host, home);
  const only = options.files!.split(",").filter(Boolean);
  const unknown = only.find((path) => !found.some(({ from }) => from === path));
  if (unknown !== undefined) {
    throw new RekindleError("usage", `${unknown} is none of the backups that were found`, {
      fix: found.map(({ from }) => from).join(", ") || "none were found",
    });
  }
  const chosen = found.filter(({ from }) => only.length === 0 || only.includes(from));
  const steps: Step[] = [];
  const notes: string[] = [];
  for (const backup of chosen) {
    const step = await restore(host, backup, steps.length + 1);
    if (!step) notes.push(`${backup.from} is equal to the present file.`);
    else steps.push(/^\/(?:etc|opt|usr)\//.test(backup.to) ? rooted(step) : step);
  }
  if (found.length === 0) notes.push("No backup was found beside the files that matter.");
  if (steps.length > 1) notes.push("Choose some alone with --set files=PATH,PATH.");
  return { steps, verification: [], notes };
}

const rooted = (step: Step): Step => ({ ...step, needs: [{ root: true }] });

/** Texts are shown with their differences; of other files the backup is copied. */
async function restore(
  host: Host,
  { from, to }: Backup,
  number: number,
): Promise<Step | undefined> {
  const head = { id: `restore-${number}`, does: `restore ${to} from ${from}` };
  const backup = await host.readFile(from, "backup").catch(() => new Uint8Array());
  const text = Buffer.from(backup).toString("utf8");
  if (Buffer.from(text).equals(Buffer.from(backup)) && !text.includes("\0")) {
    return await editFile(host, to, head, () => text);
  }
  const present = await host.readFile(to, "file").catch(() => undefined);
  if (present && sha256(present) === sha256(backup)) return undefined;
  return { kind: "copy", ...head, from, to };
}

export const restoreBackups: Remedy = {
  id: "restore-backups",
  title: "Restore backups that earlier attempts left",
  kind: "expert",
  standsOn: "nothing",
  gives: "files as they were before somebody changed them by hand",
  serves: {},
  fp16: "unknown",
  certainty: "inferred",
  evidence: "files named .bak, .orig and the like lie beside files that such attempts change",
  sources: [waySources.byNameAlone],
  requires: [{ when: onLinux, otherwise: "its places are those of Linux" }],
  cost: () => ({ minutes: [0, 1], downloadBytes: 0, diskBytes: 0, root: true }),
  changes: ["Each file whose backup is found; differences are shown before."],
  risks: ["A backup may be older than changes that you want: look at the differences."],
  options: [{ name: "files", meaning: "backups, with commas between; all of them", otherwise: "" }],
  plan,
};
