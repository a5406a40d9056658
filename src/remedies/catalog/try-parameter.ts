import { onLinux } from "../../doctor/rules/common.ts";
import { sources } from "../../doctor/rules/sources.ts";
import { RekindleError } from "../../errors.ts";
import type { Host } from "../../host/index.ts";
import { editFile, sha256 } from "../edit-file.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Need, Plan, Step } from "../step.ts";
import { environmentOf, grubMenu, remakeGrubMenu, withGrubWords } from "./boot-files.ts";

/*
 * A kernel parameter is first tried in a menu entry of its own that GRUB takes once. Should the
 * machine not come up, the next start takes the usual entry: nobody has to repair anything. GRUB's
 * manual: "next_entry" in the environment block, and custom.cfg beside grub.cfg.
 */

const entryId = "rekindle-trial";
const root: Need = { root: true };

async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { host, options } = situation;
  const parameter = options.parameter!;
  if (!/^[\w.-]+(?:=[\w.,:-]+)?$/.test(parameter)) {
    throw new RekindleError("usage", "no kernel parameter is named", {
      fix: "name one: --set parameter=amdgpu.cwsr_enable=0",
    });
  }
  const menu = await grubMenu(host);
  await refuseIfLasting(host, menu);
  const isLasting = options.permanent === "yes";
  const lasting = isLasting ? await permanentSteps(situation, parameter) : [];
  return {
    steps: [
      ...(await trialSteps(situation, menu, parameter)),
      ...lasting,
      await dropEntry(host, menu, parameter),
    ],
    verification: [{ kind: "trial", target: "engine", onGpu: true }],
    notes: [
      "If the machine does not come up, switch it off and on: it starts as before. Then rekindle " +
        "fix --resume puts the settings back.",
    ],
  };
}

/** The entry, that it is taken once, and the restart. */
async function trialSteps(situation: Situation, menu: string, parameter: string): Promise<Step[]> {
  const { host } = situation;
  const text = (await host.readText(menu)) ?? "";
  const custom = customOf(menu);
  const environment = (await host.realPath(environmentOf(menu))) ?? environmentOf(menu);
  const program = menu.includes("/grub2/") ? "grub2-editenv" : "grub-editenv";
  const entry = trialEntry(text, parameter);
  if (!text.includes("custom.cfg") || !text.includes("next_entry") || entry === undefined) {
    throw new RekindleError("remedy-impossible", `${menu} has no entry that could be copied`, {
      fix: "press e in GRUB's menu, add the parameter to the line that begins with linux",
    });
  }
  const head = { id: "make-entry", does: `make a menu entry with ${parameter}` };
  const made = await editFile(host, custom, head, (present) => `${present}${entry}`);
  return [
    { ...made!, needs: [root] },
    {
      kind: "run",
      id: "take-it-once",
      does: "let the next start, and that one alone, take the entry",
      command: {
        program,
        args: [{ path: environment }, "set", `next_entry=${entryId}`],
      },
      touches: [environment],
      needs: [root, { program, install: "it belongs to GRUB" }],
      doneWhen: [{ file: environment, contains: `next_entry=${entryId}` }],
    },
    {
      kind: "restart",
      id: "restart",
      does: `start the machine once with ${parameter}`,
      // The whole word, which the entry has at the end: another value may begin the same.
      doneWhen: [
        { file: "/proc/cmdline", contains: ` ${parameter}\n` },
        ...(await signsOfHealth(situation)).map((path) => ({ exists: path })),
      ],
    },
  ];
}

/** What is there of the card now has to be there again. */
async function signsOfHealth({ host, facts, at }: Situation): Promise<string[]> {
  const address = facts.gpus?.[at.card ?? -1]?.pciAddress;
  const present = [
    ...(address === undefined ? [] : [`/sys/bus/pci/drivers/amdgpu/${address}`]),
    "/dev/kfd",
  ];
  const isThere = await Promise.all(present.map((path) => host.exists(path)));
  return ["/sys/module/amdgpu", "/dev/dri", ...present.filter((_, i) => isThere[i])];
}

/** Only after it came up: the setting for every start. */
async function permanentSteps(situation: Situation, parameter: string): Promise<Step[]> {
  const { host } = situation;
  const file = "/etc/default/grub";
  const name = parameter.replace(/=.*/, "");
  const head = { id: "make-permanent", does: `set ${parameter} for every start` };
  const step = await editFile(host, file, head, (text) => {
    const variable = "GRUB_CMDLINE_LINUX_DEFAULT";
    const whole = text.includes(`${variable}=`) ? text : `${text}${variable}=""\n`;
    return withGrubWords(whole, (words, line) =>
      line === variable
        ? [...words.filter((word) => word.replace(/=.*/, "") !== name), parameter]
        : words,
    );
  });
  if (!step) return [];
  const remade = await remakeGrubMenu(situation, "remake-menu");
  // Files of /etc/default/grub.d may say otherwise.
  const doneWhen = [{ file: await grubMenu(host), contains: ` ${parameter}` }];
  return [
    { ...step, needs: [root] },
    { ...remade, doneWhen },
  ];
}

async function dropEntry(host: Host, menu: string, parameter: string): Promise<Step> {
  const path = customOf(menu);
  const head = { id: "drop-entry", does: "take the entry for one start out again", needs: [root] };
  const before = await host.readText(path);
  if (before === undefined) return { kind: "remove", ...head, path };
  const now = before + trialEntry((await host.readText(menu))!, parameter)!;
  return { kind: "write", ...head, path, content: before, before: sha256(now) };
}

/** The first entry of a menu that starts Linux, with one more parameter; undefined for none. */
function trialEntry(menu: string, parameter: string): string | undefined {
  const lines = menu.split("\n");
  const from = lines.findIndex((line) => /^\s*menuentry\s/.test(line));
  let depth = 0;
  for (let to = from; from >= 0 && to < lines.length; to++) {
    // Braces of variables stand in pairs on one line.
    depth += lines[to]!.split("{").length - lines[to]!.split("}").length;
    if (depth > 0) continue;
    const inside = lines.slice(from + 1, to);
    if (!inside.some((line) => /^\s*linux\s/.test(line))) return undefined;
    const name = parameter.replace(/=.*/, "");
    const isOther = (word: string) => word.replace(/=.*/, "") !== name;
    const changed = inside.map((line) =>
      /^\s*linux\s/.test(line)
        ? [...line.trimEnd().split(" ").filter(isOther), parameter].join(" ")
        : line,
    );
    const head = `menuentry 'rekindle: one start with ${parameter}' --id ${entryId} {`;
    return [head, ...changed, "}", ""].join("\n");
  }
  return undefined;
}

/**
 * GRUB has to forget the entry after one start, so it has to be able to write where its environment
 * lies. It cannot on volumes that it reads through LVM, RAID, Btrfs or ZFS: there the entry would
 * be taken again and again.
 */
async function refuseIfLasting(host: Host, menu: string): Promise<void> {
  const mounts = ((await host.readText("/proc/self/mounts")) ?? "")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, place = ""]) => place === "/" || menu.startsWith(`${place}/`))
    .sort(([, a = ""], [, b = ""]) => b.length - a.length);
  const [device = "nothing", , type = "unknown"] = mounts[0] ?? [];
  const isPlain = /^\/dev\/(?:sd|nvme|vd|hd|xvd|mmcblk)/.test(device);
  if (isPlain && /^(?:ext[234]|vfat|xfs)$/.test(type)) return;
  throw new RekindleError("remedy-impossible", `GRUB cannot write to ${device} (${type})`, {
    fix: "press e in GRUB's menu and add the parameter there: that holds for one start as well",
  });
}

const customOf = (menu: string) => menu.replace(/grub\.cfg$/, "custom.cfg");

export const tryParameter: Remedy = {
  id: "try-parameter",
  title: "Set a parameter of the kernel, after one start to try it",
  kind: "expert",
  standsOn: "nothing",
  gives: "a kernel that starts with the parameter, if the machine came up with it",
  serves: {},
  fp16: "unknown",
  certainty: "reported",
  evidence:
    "one maintainer of wheels for gfx1010 runs with amd_iommu=off amdgpu.cwsr_enable=0; nobody " +
    "established what they change",
  sources: [sources.freezes],
  requires: [{ when: onLinux, otherwise: "there is no GRUB here" }],
  cost: () => ({ minutes: [3, 10], downloadBytes: 0, diskBytes: 0, root: true, restart: true }),
  changes: ["GRUB's menu for one start; /etc/default/grub once that start went well."],
  risks: ["The one start may hang: switch the machine off and on, it then starts as before."],
  options: [
    { name: "parameter", meaning: "as on the kernel's command line", otherwise: "" },
    {
      name: "permanent",
      meaning: "whether it stays after the trial",
      otherwise: "yes",
      values: ["yes", "no"],
    },
  ],
  plan,
};
