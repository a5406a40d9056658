import { not } from "../../doctor/condition.ts";
import type { Facts } from "../../doctor/facts.ts";
import { preloadShim } from "../../doctor/rules/runtime.ts";
import { editFile } from "../edit-file.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Plan, Step } from "../step.ts";
import { editProfile, isOfSystem, serviceNotes, withinReach } from "./edit-profile.ts";

const systemFile = "/etc/ld.so.preload";

/** The libraries that the doctor's rule names, by the file that forces them. */
function shimsByFile({ preloads = [], ...facts }: Facts): Map<string, string[]> {
  const files = new Map<string, string[]>();
  for (const preload of preloads) {
    const alone: Facts = { ...facts, preloads: [preload] };
    if (preloadShim.when({ facts: alone, at: {} }).answer !== "yes") continue;
    const file = preload.where.replace(/:\d+$/, "");
    files.set(file, [...(files.get(file) ?? []), preload.library]);
  }
  return files;
}

/** A list of libraries without some of them; other variables in it stay. */
function without(list: string, libraries: readonly string[]): string {
  const rest = libraries.reduce((text, library) => {
    const name = library.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return text.replace(new RegExp(`(^|[\\s:}"'])${name}(?=$|[\\s:$"'])[\\s:]*`, "g"), "$1");
  }, list);
  return rest === list ? list : rest.replace(/^[\s:]+|[\s:]+$/g, "");
}

async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const steps: Step[] = [];
  const shims = shimsByFile(situation.facts);
  // A variable of this shell alone: nobody can take it out from here.
  const files = [...shims.keys()].filter((file) => file !== "LD_PRELOAD");
  const { now, notes } = withinReach(files, situation.facts);
  for (const file of now) {
    const libraries = shims.get(file)!;
    const head = {
      id: `edit-${steps.length + 1}`,
      does: `take ${libraries.join(" and ")} out of ${file}`,
    };
    const step =
      file === systemFile
        ? await editFile(situation.host, file, head, (text) => withoutLibraries(text, libraries))
        : await editProfile(situation, file, head, (name, value) =>
            name === "LD_PRELOAD" ? without(value, libraries) : value,
          );
    if (step) steps.push(file === systemFile ? { ...step, needs: [{ root: true }] } : step);
  }
  const here = "This shell has LD_PRELOAD set: unset LD_PRELOAD, or log in again.";
  return {
    steps,
    verification: [{ kind: "facts" }],
    notes: [...notes, ...serviceNotes(now), ...(shims.has("LD_PRELOAD") ? [here] : [])],
  };
}

/** /etc/ld.so.preload without some libraries; comments stay. */
function withoutLibraries(text: string, libraries: readonly string[]): string {
  const lines = text.split("\n").flatMap((line) => {
    const [, names = "", comment = ""] = /^([^#]*)(#.*)?$/.exec(line) ?? [];
    const kept = without(names, libraries);
    if (kept === names) return [line];
    return kept === "" && comment === "" ? [] : [[kept, comment].join(" ").trim()];
  });
  return lines.join("\n");
}

export const clearPreloads: Remedy = {
  id: "clear-preloads",
  title: "Take libraries that are forced in front of ROCm out of files",
  kind: "clean-up",
  standsOn: "nothing",
  gives: "programs that load ROCm's own libraries",
  serves: {},
  fp16: "unknown",
  certainty: preloadShim.certainty,
  evidence: "such a library stands between programs and ROCm; what it does nobody can say",
  sources: [preloadShim.sources[0]!, ...preloadShim.sources.slice(1)],
  requires: [{ when: preloadShim.when, otherwise: "no library is forced in front of ROCm" }],
  cost: ({ facts }) => ({
    minutes: [0, 1],
    downloadBytes: 0,
    diskBytes: 0,
    root: [...shimsByFile(facts).keys()].some((file) => isOfSystem(file)),
  }),
  changes: ["/etc/ld.so.preload and lines of profiles, services, starters; each is shown before."],
  risks: ["A program that needs the library has to set LD_PRELOAD itself."],
  plan,
  cured: not((view) => {
    // A variable of this shell outlives the files, and what needs root is for another turn.
    const { permissions } = view.facts;
    const preloads = view.facts.preloads?.filter(
      ({ where }) =>
        where !== "LD_PRELOAD" && (permissions?.isRoot !== false || !isOfSystem(where)),
    );
    return preloadShim.when({ ...view, facts: { ...view.facts, ...(preloads && { preloads }) } });
  }),
};
