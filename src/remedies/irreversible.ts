import { touchesOf } from "./command.ts";
import type { Plan, Step } from "./step.ts";

/**
 * What cannot be taken back, as sentences: announced before anything happens, and told again when
 * a fix is taken back.
 *
 * @param isMeant Which of its steps; all by default.
 */
export function irreversible(
  { steps }: Plan,
  isMeant: (step: Step) => boolean = () => true,
): string[] {
  return steps.flatMap((step, i) => {
    if (!isMeant(step)) return [];
    // What lies in a folder that the plan itself makes goes with that.
    const made = steps.slice(0, i).flatMap(touchesOf);
    const isOwn = (path: string) => made.some((folder) => path.startsWith(`${folder}/`));
    const own =
      step.kind === "remove" && step.regenerates && !isOwn(step.path)
        ? [`${step.path} is removed for good; it is made again when needed.`]
        : [];
    return [...own, ...(step.irreversible === undefined ? [] : [step.irreversible])];
  });
}
