import { type Condition, fact, not, some } from "../../doctor/condition.ts";
import { onLinux } from "../../doctor/rules/common.ts";
import { sources } from "../../doctor/rules/sources.ts";
import type { Host } from "../../host/index.ts";
import { editFile } from "../edit-file.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Plan, Step } from "../step.ts";
import {
  bootEntries,
  commandLineFiles,
  grubSettings,
  remakeGrubMenu,
  remakeInitramfs,
  unifiedImages,
  withGrubWords,
} from "./boot-files.ts";

/** Parameters that do nothing on RDNA1, and that notes on its crash recommend. */
const idle = ["mtype_local"];
const commandLine = "kernel command line";

/** Chips of GC 9.4.3, 9.4.4 and 9.5.0, on which the driver does read it. */
const readsThem = fact("card.gfx", (gfx) => /^gfx9(?:4|5)/.test(gfx));

const isSet = (where: (place: string) => boolean): Condition =>
  some("amdgpu.options", (option) => idle.includes(option.name) && where(option.where));

async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { facts, host, options } = situation;
  const names = options.names!.split(",").map((name) => name.trim());
  const set = facts.amdgpu?.options?.filter(({ name }) => names.includes(name)) ?? [];
  const files = new Set(set.map(({ where }) => where.replace(/:\d+$/, "")));
  const steps: Step[] = [];
  const edit = async (file: string, change: (text: string) => string) => {
    if (!(await host.exists(file))) return false;
    const step = await editFile(host, file, named(steps.length, names, file), change);
    if (step) steps.push({ ...step, needs: [{ root: true }] });
    return step !== undefined;
  };
  const isInLine = files.delete(commandLine);
  let isForImage = false;
  for (const file of files) {
    isForImage = (await edit(file, (text) => withoutOptions(text, names))) || isForImage;
  }
  const lines = isInLine ? await editCommandLines(host, names, edit) : undefined;
  if (isForImage || lines?.isForImage) steps.push(await remakeInitramfs(situation));
  if (lines?.isForMenu) steps.push(await remakeGrubMenu(situation, "remake-menu"));
  return {
    steps,
    verification: [{ kind: "facts" }],
    notes: [
      "The running kernel keeps its parameters until the machine is restarted.",
      ...(lines && !lines.isFound ? [notFound] : []),
    ],
  };
}

const notFound =
  "The running kernel's command line has it, and no file of the boot loader that was looked at: " +
  "either it was taken out since the last start, or root alone may read it (use sudo), or it is " +
  "kept elsewhere.";

/** Wherever the kernel's command line is written down. */
async function editCommandLines(
  host: Host,
  names: readonly string[],
  edit: (file: string, change: (text: string) => string) => Promise<boolean>,
) {
  const isMeant = (word: string) => names.some((name) => word.startsWith(`amdgpu.${name}=`));
  const editAll = async (paths: readonly string[], change: (text: string) => string) => {
    let isChanged = false;
    for (const path of paths) isChanged = (await edit(path, change)) || isChanged;
    return isChanged;
  };
  const isForMenu = await editAll(await grubSettings(host), (text) =>
    withGrubWords(text, (words) => words.filter((word) => !isMeant(word))),
  );
  const without = (text: string) =>
    text.replace(/(^|[ \t]+|(?<="))(amdgpu\.\w+=[^\s"]+)/gm, (all: string, _, word: string) =>
      isMeant(word) ? "" : all,
    );
  const inEntries = await editAll(
    [...(await bootEntries(host)), "/boot/refind_linux.conf"],
    without,
  );
  const inLines = await editAll(await commandLineFiles(host), without);
  return {
    isForMenu,
    isForImage: inLines && (await unifiedImages(host)).length > 0,
    isFound: isForMenu || inEntries || inLines,
  };
}

const named = (index: number, names: readonly string[], file: string) => ({
  id: `edit-${index + 1}`,
  does: `take ${names.join(" and ")} out of ${file}`,
});

/** A file of modprobe.d without parameters of amdgpu; a line that sets nothing more is dropped. */
function withoutOptions(text: string, names: readonly string[]): string {
  const lines = text.split("\n").flatMap((line) => {
    if (!/^\s*options\s+amdgpu\s/.test(line)) return [line];
    const rest = line.replace(/\s+(\w+)=\S+/g, (word, name: string) =>
      names.includes(name) ? "" : word,
    );
    if (rest === line) return [line];
    return /^\s*options\s+amdgpu\s+[^\s#]/.test(rest) ? [rest] : [];
  });
  return lines.join("\n");
}

export const clearParameters: Remedy = {
  id: "clear-parameters",
  title: "Take parameters of amdgpu that do nothing out of the boot settings",
  kind: "clean-up",
  standsOn: "nothing",
  gives: "a kernel driver with its own settings",
  serves: {},
  fp16: "unknown",
  certainty: "confirmed",
  evidence: "the driver reads mtype_local for GC 9.4.3, 9.4.4 and 9.5.0 alone: datacenter chips",
  sources: [sources.mtypeLocal],
  requires: [
    { when: onLinux, otherwise: "there is no modprobe.d here" },
    { when: not(readsThem), otherwise: "{card.gfx} is of the chips that the driver reads it for" },
    { when: isSet(() => true), otherwise: "no parameter that does nothing is set for amdgpu" },
  ],
  cost: () => ({ minutes: [1, 5], downloadBytes: 0, diskBytes: 0, root: true, restart: true }),
  changes: ["Files of /etc/modprobe.d, boot settings, and the initramfs or menu made from them."],
  risks: ["A machine whose initramfs cannot be made starts with the one that it has."],
  options: [
    {
      name: "names",
      meaning: "parameters of amdgpu, with commas between them",
      otherwise: idle.join(","),
    },
  ],
  plan,
  // /proc/cmdline is that of the running kernel.
  cured: not(isSet((where) => where !== commandLine)),
};
