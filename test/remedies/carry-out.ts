import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Facts } from "../../src/doctor/index.ts";
import { machineHost } from "../../src/host/index.ts";
import {
  Fix,
  type FixOptions,
  type FixResult,
  type Plan,
  planFor,
  prove,
  type Remedy,
  type Verification,
} from "../../src/remedies/index.ts";
import { machines } from "../machines.ts";

/*
 * Remedies carried out on this machine, in a home of their own.
 */

const recorded = machines.find(({ name }) => name === "rx5600xt-amd-wheel")!.facts;

/** Facts of a machine with an RX 5600 XT, and what a test adds to them. */
export const factsWith = (added: Partial<Facts> = {}): Facts => ({ ...recorded, ...added });

/** A place for one fix: the user's home, and beside it what Rekindle keeps. */
export interface Place {
  readonly home: string;
  readonly state: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What a user has in the home, and a place for the journal. */
export function placeIn(folder: string, env: Readonly<Record<string, string>> = {}): Place {
  const place = { home: join(folder, "user"), state: join(folder, "state") };
  mkdirSync(place.home, { recursive: true });
  mkdirSync(place.state, { recursive: true });
  // The system's programs alone: pip asks for rustc, and rustup's makes folders in the home.
  const PATH = "/usr/bin:/bin";
  return { ...place, env: { PATH, HOME: place.home, PYTHONDONTWRITEBYTECODE: "1", ...env } };
}

export async function planIn(
  place: Place,
  remedy: Remedy,
  options: Readonly<Record<string, string>>,
  facts: Facts = factsWith(),
): Promise<Plan> {
  const host = machineHost(place.env, place.home);
  return await planFor(remedy, { facts, host, home: place.home, options });
}

export interface Circumstances extends Partial<FixOptions> {
  /** Verifications that can be made without a GPU. */
  readonly proves?: readonly Verification["kind"][];
}

async function withFix(
  place: Place,
  remedy: Remedy,
  plan: Plan | undefined,
  circumstances: Circumstances,
  work: (fix: Fix) => Promise<FixResult>,
): Promise<FixResult> {
  const { proves = ["inspect"], ...options } = circumstances;
  const fix = await Fix.open({
    machine: machineHost(place.env, place.home),
    folder: place.state,
    ...(plan && { plan }),
    signal: new AbortController().signal,
    onEvent: () => undefined,
    prove: (whole, around) =>
      prove(
        { ...whole, verification: whole.verification.filter(({ kind }) => proves.includes(kind)) },
        around,
        { remedy, facts: factsWith(), folder: place.state, onProgress: () => undefined },
      ),
    pauseMs: 1,
    ...options,
  });
  try {
    return await work(fix);
  } finally {
    fix.close();
  }
}

/** Does what a plan says; without a plan, goes on with what was begun. */
export const carryOut = (
  place: Place,
  remedy: Remedy,
  plan: Plan | undefined,
  circumstances: Circumstances = {},
): Promise<FixResult> => withFix(place, remedy, plan, circumstances, (fix) => fix.run());

export const takeBack = (place: Place, remedy: Remedy): Promise<FixResult> =>
  withFix(place, remedy, undefined, {}, (fix) => fix.undo());

/** Plans without what small fixtures cannot have: gigabytes of free disk. */
export function withoutDiskNeed(plan: Plan): Plan {
  const steps = plan.steps.map((step) => ({
    ...step,
    needs: (step.needs ?? []).filter((need) => !("diskBytes" in need || "memoryBytes" in need)),
  }));
  return { ...plan, steps };
}
