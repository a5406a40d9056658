import type { Experiment } from "./experiment.ts";
import { isFailure, type Outcome, type StepResult } from "./result.ts";
import type { KnownSwitch } from "./switches.ts";
import { withSwitch } from "./targets.ts";

/** A switch, tried on an experiment that fails without it. */
export interface Attempt {
  readonly experiment: string;
  readonly switch: string;
  readonly outcome: Outcome;
  readonly detail: string;
}

/** The smallest known change that makes a failing experiment pass. */
export interface Change {
  readonly experiment: string;
  /** Undefined: none of those that were tried helps. */
  readonly switch?: string;
  readonly what?: string;
  /** The line to add to a script. */
  readonly line?: string;
  readonly cost?: string;
  /** Why not everything that is known was tried. */
  readonly cutShort?: string;
}

export interface Search {
  readonly attempts: readonly Attempt[];
  readonly changes: readonly Change[];
}

/** Steps that a search takes at most. */
const attemptsMax = 80;

/**
 * Tries switches on experiments that failed, the smallest change first, and stops at the first
 * that helps. A switch that helped one experiment is tried first on the next: few changes for all
 * are better than the smallest one for each.
 */
export async function searchChanges(
  failed: readonly Experiment[],
  candidates: (experiment: Experiment) => readonly KnownSwitch[],
  perform: (experiment: Experiment) => Promise<StepResult>,
): Promise<Search> {
  const attempts: Attempt[] = [];
  const changes: Change[] = [];
  const helpful = new Set<KnownSwitch>();
  for (const experiment of failed) {
    const { id } = experiment;
    const suited = candidates(experiment);
    const ordered = [...new Set([...suited.filter((s) => helpful.has(s)), ...suited])];
    let found: KnownSwitch | undefined;
    let cutShort: string | undefined;
    for (const one of ordered) {
      if (attempts.length >= attemptsMax) {
        cutShort = `${attemptsMax} attempts were made in all`;
        break;
      }
      const { outcome, detail } = await perform(withSwitch(experiment, one));
      if (outcome === "stopped") return { attempts, changes };
      if (outcome === "not-run") {
        cutShort ??= detail;
        continue;
      }
      attempts.push({ experiment: id, switch: one.id, outcome, detail });
      if (outcome !== "passed") continue;
      found = one;
      helpful.add(one);
      break;
    }
    if (found) {
      const { id: name, what, line, cost } = found;
      changes.push({ experiment: id, switch: name, what, line, cost });
    } else changes.push({ experiment: id, ...(cutShort !== undefined && { cutShort }) });
  }
  return { attempts, changes };
}

/** Failures that a switch may mend. What hangs is left alone unless that risk is taken. */
export function worthSearching(
  experiments: readonly Experiment[],
  results: ReadonlyMap<string, StepResult>,
  mayHang: boolean,
): Experiment[] {
  return experiments.filter(({ id }) => {
    const outcome = results.get(id)?.outcome;
    if (!outcome || !isFailure(outcome)) return false;
    if (outcome === "machine-died" || outcome === "interrupted") return false;
    return mayHang || (outcome !== "hang" && outcome !== "gpu-reset");
  });
}
