import { all, type Condition, fact, not, some } from "../../doctor/condition.ts";
import type { Facts } from "../../doctor/facts.ts";
import { isSameGeneration, onWindows, overrideName, targetOf } from "../../doctor/rules/common.ts";
import { sources } from "../../doctor/rules/sources.ts";
import { RekindleError } from "../../errors.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Plan, Step } from "../step.ts";
import { editProfile, isOfSystem, serviceNotes, withinReach } from "./edit-profile.ts";

type Setting = NonNullable<Facts["settings"]>[number];

/** It promises what ROCm's runtime does on this card anyway. */
const fineGrain = "HSA_FORCE_FINE_GRAIN_PCIE";

const isForeign = (value: string | undefined, gfx: string) =>
  value !== undefined && value.trim() !== "" && !isSameGeneration(targetOf(value), gfx);

const inTheWay = ({ name, value }: Pick<Setting, "name" | "value">, gfx: string) =>
  name === fineGrain || (name === overrideName && isForeign(value, gfx));

/** A file of this machine sets one of them. */
const isInFile: Condition = (view) => {
  const gfx = cardOf(view.facts, view.at.card);
  return all(
    fact("card.gfx", () => true),
    some("settings", (setting) => (gfx === undefined ? "unknown" : inTheWay(setting, gfx))),
  )(view);
};

const cardOf = ({ gpus }: Facts, card: number | undefined) =>
  card === undefined ? undefined : gpus?.[card]?.gfx;

function unknownCard({ settings = [] }: Facts): RekindleError {
  const overrides = settings.filter(({ name }) => name === overrideName);
  const lines = overrides.map(({ file, line }) => `${file}:${line}`);
  return new RekindleError(
    "remedy-impossible",
    "no AMD GPU is known here, so whether an override is right for it cannot be said",
    {
      fix:
        lines.length > 0
          ? `if no program needs it, remove it by hand: ${lines.join(", ")}`
          : "rekindle doctor tells what is known of the card",
    },
  );
}

async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { facts, at } = situation;
  const gfx = cardOf(facts, at.card);
  if (gfx === undefined) throw unknownCard(facts);
  const settings = facts.settings?.filter((setting) => inTheWay(setting, gfx)) ?? [];
  const steps: Step[] = [];
  const { now, notes } = withinReach([...new Set(settings.map(({ file }) => file))], facts);
  for (const [i, file] of now.entries()) {
    const names = settings.filter((s) => s.file === file).map((s) => s.name);
    const head = {
      id: `edit-${i + 1}`,
      does: `take ${[...new Set(names)].join(" and ")} out of ${file}`,
    };
    const step = await editProfile(situation, file, head, (name, value) =>
      inTheWay({ name, value }, gfx) ? undefined : value,
    );
    if (step) steps.push(step);
  }
  return {
    steps,
    verification: [{ kind: "facts" }],
    notes: [
      ...notes,
      ...serviceNotes(now),
      `Shells and programs that run already keep it: unset ${overrideName} ${fineGrain}, or log ` +
        "in again.",
    ],
  };
}

export const clearOverrides: Remedy = {
  id: "clear-overrides",
  title: "Take overrides for other cards out of profiles",
  kind: "clean-up",
  standsOn: "nothing",
  gives: "shells in which ROCm takes the card for what it is",
  serves: {},
  fp16: "unknown",
  certainty: "reported",
  evidence:
    "users report segmentation faults, page faults and resets with such an override on RDNA1; " +
    "LLVM's sources say why",
  sources: [sources.overrideCrash, sources.hazards, sources.overrideForDebugging],
  requires: [
    { when: not(onWindows), otherwise: "Windows does not read the override" },
    { when: isInFile, otherwise: "no profile sets an override for another card" },
  ],
  cost: ({ facts, at }) => ({
    minutes: [0, 1],
    downloadBytes: 0,
    diskBytes: 0,
    root:
      facts.settings?.some(
        (s) => isOfSystem(s.file) && inTheWay(s, cardOf(facts, at.card) ?? ""),
      ) ?? false,
  }),
  changes: [
    "Lines of profiles, services and starters that set the variable; each is shown before.",
  ],
  risks: ["PyTorch 1.13.1 for ROCm 5.2 needs the override 10.3.0: set it for that program alone."],
  plan,
  // What needs root is for another turn.
  cured: not((view) => {
    const { settings, permissions } = view.facts;
    const own = settings?.filter(({ file }) => permissions?.isRoot !== false || !isOfSystem(file));
    return isInFile({ ...view, facts: { ...view.facts, ...(own && { settings: own }) } });
  }),
};
