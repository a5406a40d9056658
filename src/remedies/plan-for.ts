import type { Facts } from "../doctor/index.ts";
import { RekindleError } from "../errors.ts";
import { didYouMean, type Host } from "../host/index.ts";
import { catalog } from "./catalog/index.ts";
import { viewOf } from "./machine.ts";
import type { Remedy, Situation } from "./remedy.ts";
import { type Plan, planSchema } from "./step.ts";

/** The remedy with an id. Throws "usage", with ids that are near. */
export function remedyNamed(id: string, remedies: readonly Remedy[] = catalog): Remedy {
  const found = remedies.find((remedy) => remedy.id === id);
  if (found) return found;
  const near = didYouMean(
    id,
    remedies.map((remedy) => remedy.id),
  );
  throw new RekindleError("usage", `there is no remedy "${id}"`, {
    fix: near ?? "rekindle plan lists all remedies",
  });
}

/** The user's choices with the others as they are otherwise. Throws "usage". */
function optionsFor(
  { id, options = [] }: Pick<Remedy, "id" | "options">,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  for (const [name, value] of Object.entries(given)) {
    const option = options.find((one) => one.name === name);
    if (!option) {
      const names = options.map((one) => one.name);
      throw new RekindleError("usage", `${id} has no option "${name}"`, {
        fix: names.length > 0 ? `its options: ${names.join(", ")}` : "it has none",
      });
    }
    if (option.values && !option.values.includes(value)) {
      throw new RekindleError("usage", `${name} of ${id} cannot be "${value}"`, {
        fix: `one of ${option.values.join(", ")}`,
      });
    }
  }
  const otherwise = options.map(({ name, otherwise }) => [name, otherwise]);
  return { ...Object.fromEntries(otherwise), ...given };
}

export interface PlanInput {
  readonly facts: Facts;
  readonly host: Host;
  readonly home: string;
  readonly options: Readonly<Record<string, string>>;
}

/**
 * Everything that a remedy would do on a machine, checked for form. Changes nothing.
 *
 * Throws "usage" for wrong options, "remedy-impossible" where the machine or its files do not fit.
 */
export async function planFor(remedy: Remedy, input: PlanInput): Promise<Plan> {
  const { facts, host, home } = input;
  const view = viewOf(facts);
  const options = optionsFor(remedy, input.options);
  if (!remedy.plan) {
    throw new RekindleError("remedy-impossible", `${remedy.id} is nothing that a program can do`, {
      fix: `rekindle fix ${remedy.id} says what to do by hand`,
    });
  }
  const situation: Situation = { ...view, host, home, options };
  const made = planSchema.parse({ remedy: remedy.id, options, ...(await remedy.plan(situation)) });
  const ids = made.steps.map((step) => step.id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice) throw new Error(`${remedy.id} has two steps "${twice}"`);
  return made;
}
