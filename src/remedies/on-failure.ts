import type { Facts } from "../doctor/index.ts";
import { viewOf } from "./machine.ts";
import type { Remedy } from "./remedy.ts";

export const onFailureChoices = ["rollback", "keep"] as const;
/**
 * What becomes of a fix that fails: `rollback` puts everything back, `keep` leaves what is done, to
 * be gone on with once the cause is removed, or to be taken back.
 */
export type OnFailure = (typeof onFailureChoices)[number];

const longMinutes = 120;

/** Hours of downloads and compilation are not thrown away for a cause that can be removed. */
export function usualOnFailure({ cost }: Pick<Remedy, "cost">, facts: Facts): OnFailure {
  return cost(viewOf(facts)).minutes[1] > longMinutes ? "keep" : "rollback";
}
