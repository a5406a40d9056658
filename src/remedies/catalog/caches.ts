import { basename } from "node:path";
import { not } from "../../doctor/condition.ts";
import { onWindows } from "../../doctor/rules/common.ts";
import { sources } from "../../doctor/rules/sources.ts";
import { RekindleError } from "../../errors.ts";
import type { Host } from "../../host/index.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Plan, Step } from "../step.ts";
import { folderOf } from "./common.ts";
import { waySources } from "./way-sources.ts";

/** Below the home folder; all of them are filled again by the programs themselves. */
const cacheFolders = [
  ".cache/miopen",
  ".config/miopen",
  ".cache/comgr",
  ".triton/cache",
  ".cache/torch_extensions",
  ".cache/torch/kernels",
];

const onUnix = { when: not(onWindows), otherwise: "its places are those of Linux and macOS" };
const free = { minutes: [0, 5], downloadBytes: 0, diskBytes: 0, root: false } as const;

async function removals(
  { host }: Situation,
  folders: readonly string[],
): Promise<Omit<Plan, "remedy" | "options">> {
  const steps: Step[] = [];
  for (const path of folders) {
    if (!(await host.exists(path))) continue;
    const id = `remove-${steps.length + 1}`;
    steps.push({
      kind: "remove",
      id,
      does: `remove ${path}`,
      path,
      regenerates: true,
      doneWhen: [{ absent: path }],
    });
  }
  return { steps, verification: [], notes: [] };
}

/** Variables that put a cache elsewhere: what lies there is the user's to judge. */
const elsewhere = ["MIOPEN_USER_DB_PATH", "MIOPEN_CUSTOM_CACHE_DIR", "TRITON_CACHE_DIR"];

async function caches(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { facts, home, host } = situation;
  // What torch.compile compiled lies in a folder of each user's.
  const own = `torchinductor_${basename(home)}`;
  const temporary = host.env.TMPDIR ?? "/tmp";
  const folders = [...cacheFolders.map((name) => `${home}/${name}`), `${temporary}/${own}`];
  const plan = await removals(situation, folders);
  const notes = elsewhere.flatMap((name) => {
    const value = facts.env?.[name];
    return value ? [`${name} is ${value}: what lies there is left; remove it by hand.`] : [];
  });
  return { ...plan, notes };
}

export const clearCaches: Remedy = {
  id: "clear-caches",
  title: "Remove the caches of MIOpen and Triton",
  kind: "expert",
  standsOn: "nothing",
  gives: "kernels that are compiled and chosen anew",
  serves: {},
  fp16: "unknown",
  certainty: "reported",
  evidence: "kernels that Triton compiled before a switch was changed are used again afterwards",
  sources: [sources.triton, sources.databaseHarmless],
  requires: [onUnix],
  cost: () => free,
  changes: ["Folders below ~/.cache, ~/.config, ~/.triton and /tmp go."],
  risks: ["The first run of each network takes longer: kernels are compiled again."],
  plan: caches,
};

/** What only a build leaves: CMake's, ninja's, setup.py's. */
const marks = /^(?:CMakeCache\.txt|build\.ninja|\.ninja_log|(?:lib|temp|bdist)\.linux-.*)$/;

/** Names of sources whose builds take gigabytes. */
const large = /pytorch|torch|vision|audio|triton|rocm|rocblas|miopen|tensile|hip|composable|llvm/i;

async function isBuild(host: Host, folder: string): Promise<boolean> {
  const names = await host.list(folder);
  if (names.some((name) => marks.test(name))) return true;
  // rocm_sdk_builder has one for each of its projects.
  const inside = await Promise.all(names.map((name) => host.list(`${folder}/${name}`)));
  return inside.some((below) => below.includes("CMakeCache.txt"));
}

/** Builds beside their sources, in the home folder and one below it. */
async function buildsIn({ host, home }: Situation): Promise<string[]> {
  const inHome = (await host.list(home)).filter((name) => !name.startsWith("."));
  const deeper = await Promise.all(
    inHome.map(async (name) => (await host.list(`${home}/${name}`)).map((one) => `${name}/${one}`)),
  );
  const found: string[] = [];
  for (const sources of [...inHome, ...deeper.flat()].filter((name) => large.test(name))) {
    for (const name of ["build", "builddir"]) {
      const folder = `${home}/${sources}/${name}`;
      if (await isBuild(host, folder)) found.push(folder);
    }
  }
  return [...new Set(found)];
}

async function leftovers(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { options, host, home } = situation;
  const named = options
    .folders!.split(",")
    .map((text) => text.trim())
    .filter(Boolean);
  if (named.length === 0) {
    const plan = await removals(situation, await buildsIn(situation));
    return { ...plan, notes: ["Choose with --set folders=PATH,PATH."] };
  }
  const folders = named.map((text) => folderOf(situation, text));
  for (const folder of folders) {
    const isAbove = `${home}/`.startsWith(`${folder}/`) || folder === "/";
    if (!isAbove && (await isBuild(host, folder))) continue;
    throw new RekindleError("remedy-impossible", `${folder} does not look like a build's folder`, {
      fix: "name folders that hold CMakeCache.txt, build.ninja, .ninja_log or lib.linux-*",
    });
  }
  return await removals(situation, folders);
}

export const clearBuilds: Remedy = {
  ...clearCaches,
  id: "clear-builds",
  title: "Remove what builds of PyTorch and ROCm left",
  gives: "the disk that they take",
  certainty: "confirmed",
  evidence: "a build tree holds what its sources give again",
  sources: [waySources.byNameAlone],
  changes: ["The folders that are named, or found below the home folder, go with what is in them."],
  risks: ["A build that was not at its end begins anew."],
  options: [
    {
      name: "folders",
      meaning: "build folders, with commas between; those that are found",
      otherwise: "",
    },
  ],
  plan: leftovers,
};
