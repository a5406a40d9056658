import { basename } from "node:path";
import { not } from "../../doctor/condition.ts";
import { onWindows } from "../../doctor/rules/common.ts";
import { sources } from "../../doctor/rules/sources.ts";
import { RekindleError } from "../../errors.ts";
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
    steps.push({ kind: "remove", id, does: `remove ${path}`, path, regenerates: true });
  }
  return { steps, verification: [], notes: [] };
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
  changes: ["Folders below ~/.cache, ~/.config and ~/.triton go."],
  risks: ["The first run of each network takes longer: kernels are compiled again."],
  plan: (situation) =>
    removals(
      situation,
      cacheFolders.map((name) => `${situation.home}/${name}`),
    ),
};

/** Files that only a build leaves. */
const marks = ["CMakeCache.txt", "build.ninja", ".ninja_log"];

async function leftovers(situation: Situation) {
  const { options, host } = situation;
  const folders = options.folders!.split(",").map((text) => folderOf(situation, text.trim()));
  for (const folder of folders) {
    const names = await host.list(folder);
    if (basename(folder) === "build" || marks.some((mark) => names.includes(mark))) continue;
    throw new RekindleError("remedy-impossible", `${folder} does not look like a build's folder`, {
      fix: `name folders that hold ${marks.join(" or ")}`,
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
  changes: ["The folders that are named go, with all that is in them."],
  risks: ["A build that was not at its end begins anew."],
  options: [{ name: "folders", meaning: "build folders, with commas between", otherwise: "" }],
  plan: leftovers,
};
