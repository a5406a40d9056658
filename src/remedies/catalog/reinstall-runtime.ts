import { basename, dirname } from "node:path";
import { all, type Condition, fact, forSome, not } from "../../doctor/condition.ts";
import type { Facts, LibraryFacts } from "../../doctor/facts.ts";
import { onLinux } from "../../doctor/rules/common.ts";
import { patchedRuntime } from "../../doctor/rules/runtime.ts";
import type { Host } from "../../host/index.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Plan, Step } from "../step.ts";
import { reinstallSystemPackage } from "./reinstall.ts";

/** A library of the system, not of a Python environment. */
const ofSystem: Condition = (view) => {
  const place = view.at.library;
  const library = place === undefined ? undefined : view.facts.libraries?.[place];
  return fact("libraries", () => library?.environment === undefined)(view);
};

const isChanged = all(patchedRuntime.when, ofSystem);
const isPatched = forSome("library", isChanged);

const patched = (facts: Facts): LibraryFacts[] =>
  (facts.libraries ?? []).filter(
    (_, library) => isChanged({ facts, at: { library } }).answer === "yes",
  );

/** Owned files come back with their package; what no package knows is taken away. */
async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { host } = situation;
  const steps: Step[] = [];
  const owned = new Map<string, string[]>();
  for (const { path, owner, isOwned } of patched(situation.facts)) {
    if (isOwned === false || owner === undefined) {
      for (const one of [path, ...(await linksTo(host, path))]) {
        const id = `remove-${steps.length + 1}`;
        const does = `take ${one} away, which belongs to no package`;
        steps.push({ kind: "remove", id, does, path: one, needs: [{ root: true }] });
      }
    } else {
      const name = owner.split(" ")[0]!;
      owned.set(name, [...(owned.get(name) ?? []), path]);
    }
  }
  if (steps.length > 0) steps.push(forgetLibraries);
  for (const [name, paths] of owned) steps.push(reinstallSystemPackage(situation, name, paths));
  return {
    steps,
    verification: [{ kind: "facts" }],
    notes: ["PyTorch's wheels bring their own ROCm: this is about programs of the system."],
  };
}

/** Names of a library beside it: libhsa-runtime64.so.1 of libhsa-runtime64.so.1.14.0. */
async function linksTo(host: Host, path: string): Promise<string[]> {
  const folder = dirname(path);
  const stem = basename(path).replace(/\.so.*/, ".so");
  const others = (await host.list(folder))
    .filter((name) => name.startsWith(stem) && name !== basename(path))
    .map((name) => `${folder}/${name}`);
  const real = await Promise.all(others.map((other) => host.realPath(other)));
  return others.filter((_, i) => real[i] === path);
}

/** The loader's cache still names what was taken away. */
const forgetLibraries: Step = {
  kind: "run",
  id: "forget-libraries",
  does: "let the loader's cache forget it",
  command: { program: "ldconfig", args: ["-r", { path: "/" }] },
  touches: ["/etc/ld.so.cache", "/var/cache/ldconfig/aux-cache"],
  needs: [{ root: true }, { program: "ldconfig", install: "it belongs to glibc" }],
};

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
  changes: ["The runtime's libraries, and the loader's cache; the present ones are kept."],
  risks: ["Programs that were built against the changed library may not run."],
  plan,
  cured: not(isPatched),
};
