import { libraryFolders } from "../../doctor/probes/probe.ts";
import { onLinux } from "../../doctor/rules/common.ts";
import { messageOf, RekindleError } from "../../errors.ts";
import type { Host } from "../../host/index.ts";
import { touchesOf } from "../command.ts";
import { editFile, sha256 } from "../edit-file.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Plan, Step } from "../step.ts";
import { remakeGrubMenu, remakeInitramfs } from "./boot-files.ts";
import { waySources } from "./way-sources.ts";

/** What people put behind a name before they change a file. */
const suffix = /(?:\.(?:bak|backup|orig|old|save|dist)(?:[.-]?\d+)?|~)$/i;

interface Backup {
  readonly from: string;
  readonly to: string;
}

/** Backups beside the files that attempts to repair ROCm change. */
async function backupsOn({ host, home, facts }: Situation): Promise<Backup[]> {
  const rocm = (await host.list("/opt")).filter((name) => name.startsWith("rocm"));
  const libraries = [
    ...libraryFolders,
    ...rocm.map((name) => `/opt/${name}/lib`),
    ...(facts.torch ?? []).map(({ path }) => `${path}/lib`),
  ];
  const places: [folder: string, name: RegExp][] = [
    [home, /^\.(?:bash(?:rc|_profile|_login)|profile|zsh(?:rc|env)|zprofile)/],
    [home, /^\.(?:xprofile|pam_environment)/],
    [`${home}/.config/fish`, /^(?:config\.fish|fish_variables)/],
    ["/etc", /^(?:environment|ld\.so\.preload|profile|bash\.bashrc|bashrc)/],
    ["/etc/default", /^grub\b/],
    ["/etc/kernel", /^cmdline/],
    ["/etc/modprobe.d", /amdgpu|rocm|kfd/],
    ["/etc/profile.d", /./],
    ...libraries.map((folder): [string, RegExp] => [
      folder,
      /^lib(?:hsa|amdhip|hsakmt|MIOpen|rocblas|torch_hip)/,
    ]),
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
  const { host, options } = situation;
  const found = await backupsOn(situation);
  const only = options
    .files!.split(",")
    .map((path) => path.trim())
    .filter(Boolean);
  const unknown = only.find((path) => !found.some(({ from }) => from === path));
  if (unknown !== undefined) {
    throw new RekindleError("usage", `${unknown} is none of the backups that were found`, {
      fix: found.map(({ from }) => from).join(", ") || "none were found",
    });
  }
  const chosen = found.filter(({ from }) => only.length === 0 || only.includes(from));
  const steps: Step[] = [];
  const notes: string[] = [];
  for (const to of new Set(chosen.map((backup) => backup.to))) {
    const [backup, ...others] = chosen.filter((one) => one.to === to);
    if (others.length > 0) notes.push(severalOf(to, [backup!, ...others], only.length > 0));
    else {
      const step = await restore(host, backup!, steps.length + 1);
      if (typeof step === "string") notes.push(step);
      else steps.push(/^\/(?:boot|etc|opt|usr)\//.test(to) ? rooted(step) : step);
    }
  }
  const restored = steps.flatMap(touchesOf);
  const remade = await remake(situation, restored, notes);
  if (found.length === 0) notes.push("No backup was found beside the files that matter.");
  if (steps.length > 1) notes.push("Choose some alone with --set files=PATH,PATH.");
  return { steps: [...steps, ...remade], verification: [], notes };
}

const rooted = (step: Step): Step => ({ ...step, needs: [{ root: true }] });

/** Nobody but the user knows which of several is the right one. */
function severalOf(to: string, backups: readonly Backup[], isAsked: boolean): string {
  const paths = backups.map(({ from }) => from).join(", ");
  const fix = `choose one with --set files=${backups[0]!.from}`;
  if (isAsked) throw new RekindleError("usage", `${paths} are all backups of ${to}`, { fix });
  return `${to} has several backups, none of which is restored: ${paths}; ${fix}.`;
}

/** What is made from files that are restored. */
async function remake(
  situation: Situation,
  restored: readonly string[],
  notes: string[],
): Promise<Step[]> {
  const has = (start: string) => restored.some((path) => path.startsWith(start));
  const steps: Step[] = [];
  const add = async (what: string, make: () => Promise<Step>) => {
    try {
      steps.push(await make());
    } catch (error) {
      notes.push(`${what} has to be made anew by hand: ${messageOf(error)}.`);
    }
  };
  if (has("/etc/modprobe.d/") || has("/etc/kernel/")) {
    await add("The initial file system", () => remakeInitramfs(situation));
  }
  if (has("/etc/default/grub")) {
    await add("GRUB's menu", () => remakeGrubMenu(situation, "remake-menu"));
  }
  return steps;
}

/**
 * Texts are shown with their differences; of other files the backup is copied. A sentence where
 * there is nothing to restore.
 */
async function restore(host: Host, { from, to }: Backup, number: number): Promise<Step | string> {
  const backup = await contentOf(host, from);
  const present = await contentOf(host, to);
  if (backup === "unreadable" || present === "unreadable") {
    return `${backup === "unreadable" ? from : to} may not be read: use sudo to restore ${to}.`;
  }
  if (backup === undefined || (present && sha256(present) === sha256(backup))) {
    return `${from} is equal to the present file.`;
  }
  const id = `restore-${number}`;
  const text = Buffer.from(backup).toString("utf8");
  if (Buffer.from(text).equals(Buffer.from(backup)) && isText(text) && isText(decoded(present))) {
    const does = `restore ${to} from ${from}`;
    return (await editFile(host, to, { id, does }, () => text)) ?? `${from} is empty.`;
  }
  const bytes = present === undefined ? "is not there" : `${present.length} bytes`;
  const does = `restore ${to} (${bytes}) from ${from} (${backup.length} bytes)`;
  // A link stays one.
  const real = (await host.realPath(to)) ?? to;
  return { kind: "copy", id, does, from, to: real };
}

const decoded = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString("utf8");
const isText = (text: string) => !/\0|\uFFFD/.test(text);

/** Undefined where there is no file. */
async function contentOf(host: Host, path: string): Promise<Uint8Array | "unreadable" | undefined> {
  const status = await host.status(path);
  if (!status) return undefined;
  if (!status.canRead) return "unreadable";
  return status.sizeBytes === 0 ? new Uint8Array() : await host.readFile(path, "file");
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
  changes: [
    "Each file whose backup is found; differences are shown before.",
    "The initramfs or GRUB's menu, where they are made from such a file.",
  ],
  risks: ["A backup may be older than changes that you want: look at the differences."],
  options: [{ name: "files", meaning: "backups, with commas between; all of them", otherwise: "" }],
  plan,
};
