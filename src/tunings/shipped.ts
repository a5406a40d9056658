import type { AdapterInfo } from "../gpu/index.ts";
import type { Tuning } from "./tuning.ts";

/** A measured choice that holds for a whole family of GPUs, whatever the driver. */
export type ShippedTuning = Pick<Tuning, "problem" | "kernel" | "config">;

/** What is shipped for the GPUs of one architecture. */
export interface FamilyTunings {
  /** As WebGPU names them: "amd", "rdna-1". */
  readonly vendor: string;
  readonly architecture: string;
  /** Where the figures come from: card, driver, date. */
  readonly source: string;
  readonly tunings: readonly ShippedTuning[];
}

/**
 * Families with measured choices. Empty until somebody measures a card of the family that this
 * project is for and sends what `rekindle tune --export` writes: docs/tuning.md says how.
 */
const families: readonly FamilyTunings[] = [];

/** What is shipped for an adapter's family. */
export function shippedFor(
  { vendor, architecture }: Pick<AdapterInfo, "vendor" | "architecture">,
  known: readonly FamilyTunings[] = families,
): readonly ShippedTuning[] {
  return known
    .filter((family) => family.vendor === vendor && family.architecture === architecture)
    .flatMap((family) => family.tunings);
}
