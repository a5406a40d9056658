import { type Condition, not, some } from "../../doctor/condition.ts";
import { onLinux } from "../../doctor/rules/common.ts";
import { sources } from "../../doctor/rules/sources.ts";
import { editFile } from "../edit-file.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Plan, Step } from "../step.ts";
import { remakeGrubMenu, remakeInitramfs, withGrubWords } from "./boot-files.ts";

/** Parameters that do nothing on RDNA1, and that notes on its crash recommend. */
const idle = ["mtype_local"];
const commandLine = "kernel command line";

const isSet = (where: (place: string) => boolean): Condition =>
  some("amdgpu.options", (option) => idle.includes(option.name) && where(option.where));

async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { facts, host, options } = situation;
  const names = options.names!.split(",");
  const set = facts.amdgpu?.options?.filter(({ name }) => names.includes(name)) ?? [];
  const files = new Set(set.map(({ where }) => where.replace(/:\d+$/, "")));
  const modules: Step[] = [];
  for (const file of files) {
    if (file === commandLine) continue;
    const step = await editFile(host, file, named(modules.length, names, file), (text) =>
      withoutOptions(text, names),
    );
    if (step) modules.push(rooted(step));
  }
  const boot = files.has(commandLine) ? await bootSteps(situation, names, modules.length) : [];
  return {
    steps: [...modules, ...(modules.length > 0 ? [await remakeInitramfs(situation)] : []), ...boot],
    verification: [{ kind: "facts" }],
    notes: ["The running kernel keeps its parameters until the machine is restarted."],
  };
}

/** Wherever the kernel's command line is written down. */
async function bootSteps(
  situation: Situation,
  names: readonly string[],
  first: number,
): Promise<Step[]> {
  const { host } = situation;
  const isMeant = (word: string) => names.some((name) => word.startsWith(`amdgpu.${name}=`));
  const steps: Step[] = [];
  const add = async (file: string, edit: (text: string) => string) => {
    if (!(await host.exists(file))) return;
    const step = await editFile(host, file, named(first + steps.length, names, file), edit);
    if (step) steps.push(rooted(step));
  };
  await add("/etc/default/grub", (text) =>
    withGrubWords(text, (words) => words.filter((word) => !isMeant(word))),
  );
  if (steps.length > 0) steps.push(await remakeGrubMenu(situation, "remake-menu"));
  // systemd-boot, and images that hold their command line.
  const entries = (await host.list("/boot/loader/entries")).map((n) => `/boot/loader/entries/${n}`);
  for (const file of [...entries, "/etc/kernel/cmdline"]) {
    await add(file, (text) =>
      text.replace(/[ \t]+amdgpu\.(\w+)=\S+/g, (word) => (isMeant(word.trim()) ? "" : word)),
    );
  }
  return steps;
}

const named = (index: number, names: readonly string[], file: string) => ({
  id: `edit-${index + 1}`,
  does: `take ${names.join(" and ")} out of ${file}`,
});

const rooted = (step: Step): Step => ({ ...step, needs: [{ root: true }] });

/** A file of modprobe.d without parameters of amdgpu; a line that sets nothing more is dropped. */
function withoutOptions(text: string, names: readonly string[]): string {
  const lines = text.split("\n").flatMap((line) => {
    if (!/^\s*options\s+amdgpu\s/.test(line)) return [line];
    const rest = line.replace(/\s+(\w+)=\S+/g, (word, name: string) =>
      names.includes(name) ? "" : word,
    );
    if (rest === line) return [line];
    return /=/.test(rest.replace(/#.*/, "")) ? [rest] : [];
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
