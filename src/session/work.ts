import type { Problem } from "../kernels/kernel.ts";
import { flopOfProblem } from "../ops/flop.ts";
import { sizeOf } from "../tensor/index.ts";

/**
 * A rough count of the floating-point operations of a node, good enough to keep single
 * submissions short: those of its definition, and one for each element read or written.
 */
export function estimateWork(problem: Problem): number {
  const elements = [...problem.inputs, ...problem.outputs].reduce(
    (sum, type) => sum + (type ? sizeOf(type.dims) : 0),
    0,
  );
  return elements + flopOfProblem(problem);
}

/** What one submission may hold. */
export interface SubmitBudget {
  readonly work: number;
  readonly dispatches: number;
}

/**
 * Drivers reset a GPU that is busy with one submission for 2 seconds (Windows) or 10 (Linux). At
 * 0.1 TFLOP/s, a fiftieth of what an RX 5600 XT can do, this takes 0.2 seconds. It holds until a
 * run has shown how fast the device is.
 */
export const submitBudget: SubmitBudget = { work: 2e10, dispatches: 256 };

/** Aim of one submission: far below the drivers' limits, for a card that is busy gets slower. */
const submitMs = 100;

/** The budget for a device that did `work` in `ms` milliseconds. */
export function budgetFor(work: number, ms: number): SubmitBudget {
  return { work: (work / Math.max(ms, 0.001)) * submitMs, dispatches: Number.POSITIVE_INFINITY };
}

/** Cuts a list into runs that stay within the budget; a larger item stands alone. */
export function chunksOf<T extends { readonly work: number }>(
  items: readonly T[],
  budget: SubmitBudget,
): T[][] {
  const chunks: T[][] = [];
  let work = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const current = chunks.at(-1);
    if (!current || work + item.work > budget.work || current.length >= budget.dispatches) {
      chunks.push([item]);
      work = item.work;
    } else {
      current.push(item);
      work += item.work;
    }
  }
  return chunks;
}
