import { all, type Condition, fact, forSome, not } from "../../doctor/condition.ts";
import type { Facts, LibraryFacts } from "../../doctor/facts.ts";
import { onLinux } from "../../doctor/rules/common.ts";
import { patchedRuntime } from "../../doctor/rules/runtime.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Plan, Step } from "../step.ts";
import { reinstallSystemPackage } from "./reinstall.ts";

/** A library of the system, not of a Python environment. */
const ofSystem: Condition = (view) => {
  const place = view.at.library;
  const library = place === undefined ? undefined : view.facts.libraries?.[place];
  return fact("libraries", () => library?.environment === undefined)(view);
};
const isPatched = forSome("library", all(patchedRuntime.when, ofSystem));

function patched(facts: Facts): LibraryFacts[] {
  return (facts.libraries ?? []).filter((_, library) => {
    const view = { facts, at: { library } };
    return all(patchedRuntime.when, ofSystem)(view).answer === "yes";
  });
}

/** Owned files come back with their package; what no package knows is taken away. */
async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const steps: Step[] = [];
  const owned = new Map<string, string[]>();
  for (const { path, owner, isOwned } of patched(situation.facts)) {
    if (isOwned === false || owner === undefined) {
      const id = `remove-${steps.length + 1}`;
      const does = `take ${path} away, which belongs to no package`;
      steps.push({ kind: "remove", id, does, path, needs: [{ root: true }] });
    } else {
      const name = owner.split(" ")[0]!;
      owned.set(name, [...(owned.get(name) ?? []), path]);
    }
  }
  for (const [name, paths] of owned) steps.push(reinstallSystemPackage(situation, name, paths));
  return {
    steps,
    verification: [{ kind: "facts" }],
    notes: ["PyTorch's wheels bring their own ROCm: this is about programs of the system."],
  };
}

export const reinstallRuntime: Remedy = {
  id: "reinstall-runtime",
  title: "Put the distribution's own ROCm runtime back",
  kind: "clean-up",
  standsOn: "nothing",
  gives: "ROCm's runtime as its package installed it",
  serves: {},
  fp16: "unknown",
  certainty: patchedRuntime.certainty,
  evidence: "the file differs from its package's; what it does with memory nobody can say",
  sources: [patchedRuntime.sources[0]!, ...patchedRuntime.sources.slice(1)],
  requires: [
    { when: onLinux, otherwise: "there are no packages of ROCm's runtime here" },
    { when: isPatched, otherwise: "ROCm's runtime is as its packages installed it" },
  ],
  cost: () => ({ minutes: [1, 10], downloadBytes: 20e6, diskBytes: 0, root: true }),
  changes: ["The runtime's libraries; the present ones are kept."],
  risks: ["Programs that were built against the changed library may not run."],
  plan,
  cured: not(isPatched),
};
