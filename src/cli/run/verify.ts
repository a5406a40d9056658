import { RekindleError } from "../../errors.ts";
import type { Precision, Session } from "../../session/index.ts";
import { formatShape, sameShape, type Tensor } from "../../tensor/index.ts";
import { runSession } from "../engine.ts";
import { plural, significant } from "../text.ts";
import type { FeedPlan } from "./feeds.ts";

/** Largest relative error that counts as equal, by what values were stored as. */
const tolerances: Readonly<Record<Precision, number>> = {
  f32: 1e-4,
  f16: 1e-2,
  f16acc32: 1e-2,
};

/** How far an output is from the CPU's. */
export interface OutputError {
  readonly name: string;
  /** ||a - b|| / ||b|| over all runs; Infinity where one has a NaN that the other has not. */
  readonly relativeL2: number;
  readonly largestAbsolute: number;
}

export interface Verification {
  readonly against: string;
  readonly tolerance: number;
  readonly passed: boolean;
  readonly outputs: readonly OutputError[];
}

/** Throws where there is nothing that a run on `session` could be compared with. */
export function checkComparable(session: Session): void {
  if (session.device.kind !== "cpu") return;
  throw new RekindleError(
    "usage",
    `--verify compares with the CPU, and this run is on the CPU itself: ${session.device.reason}`,
    { fix: "pass --device gpu, or --device software where there is no GPU" },
  );
}

/** Runs every batch on the CPU as well and compares with what `actual` holds for it. */
export async function verify(
  plan: FeedPlan,
  actual: readonly ReadonlyMap<string, Tensor>[],
  cpu: Session,
  precision: Precision,
): Promise<Verification> {
  const sums = new Map<string, ErrorSum>();
  let run = 0;
  for await (const { feeds } of plan.batches()) {
    const expected = await runSession(cpu, feeds);
    for (const [name, tensor] of actual[run]!) {
      const sum = sums.get(name) ?? { difference: 0, norm: 0, largest: 0 };
      sums.set(name, sum);
      addErrors(sum, name, tensor, expected.get(name));
    }
    run++;
  }
  const outputs = [...sums].map(([name, sum]) => ({
    name,
    relativeL2: relativeOf(sum),
    largestAbsolute: sum.largest,
  }));
  const tolerance = tolerances[precision];
  const passed = outputs.every((o) => o.relativeL2 <= tolerance);
  return { against: cpu.device.name, tolerance, passed, outputs };
}

interface ErrorSum {
  difference: number;
  norm: number;
  largest: number;
}

/** Without expected values the relative error is the absolute one. */
function relativeOf({ difference, norm }: ErrorSum): number {
  return norm > 0 ? Math.sqrt(difference / norm) : Math.sqrt(difference);
}

function addErrors(sum: ErrorSum, name: string, actual: Tensor, expected: Tensor | undefined) {
  if (!expected || !sameShape(actual.dims, expected.dims)) {
    const has = expected ? formatShape(expected.dims) : "nothing";
    throw new RekindleError(
      "verify-failed",
      `output "${name}" is ${formatShape(actual.dims)}, on the CPU it is ${has}`,
      { fix: "please report this with the model" },
    );
  }
  const a = actual.toNumbers();
  const b = expected.toNumbers();
  for (let i = 0; i < b.length; i++) {
    if (Object.is(a[i], b[i]) || a[i] === b[i]) continue;
    const error = Math.abs(a[i]! - b[i]!);
    const size = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
    sum.difference += size * size;
    sum.largest = Math.max(sum.largest, size);
  }
  for (const v of b) if (Number.isFinite(v)) sum.norm += v * v;
}

/** Throws "verify-failed" unless everything was within the tolerance. */
export function requirePassed({ passed, outputs, tolerance, against }: Verification): void {
  if (passed) return;
  const wrong = outputs.filter((o) => !(o.relativeL2 <= tolerance));
  const list = wrong.map((o) => `"${o.name}" ${significant(o.relativeL2)}`).join(", ");
  const what = `${plural(wrong.length, "output")} differ from ${against} by more than`;
  throw new RekindleError("verify-failed", `${what} ${significant(tolerance)}: ${list}`, {
    fix: "do not trust this device with this network; please report it with the model",
  });
}
