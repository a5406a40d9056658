/** A value that needs memory from one step to another, both included. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface MemoryPlan {
  /** The slot of each value. */
  readonly slotOf: readonly number[];
  /** The size of each slot: that of its largest value. */
  readonly slotBytes: readonly number[];
}

/**
 * Shares memory between values that are never needed at the same step. Each slot becomes a buffer
 * of its own, so that what a step reads and what it writes are never the same buffer.
 *
 * Values are placed from the largest to the smallest, each in the smallest slot that is free for
 * its whole life: "greedy by size for shared objects" of Pisarchyk and Lee, Efficient Memory
 * Management for Deep Neural Net Inference (2020), https://arxiv.org/abs/2001.03288.
 *
 * @example
 * planMemory([{ bytes: 16, first: 0, last: 1 }, { bytes: 16, first: 2, last: 3 }])
 * // { slotOf: [0, 0], slotBytes: [16] }
 */
export function planMemory(values: readonly Lifetime[]): MemoryPlan {
  const slotOf = new Array<number>(values.length).fill(-1);
  const slots: { bytes: number; holds: Lifetime[] }[] = [];
  const order = values.map((_, i) => i);
  order.sort((a, b) => values[b]!.bytes - values[a]!.bytes || values[a]!.first - values[b]!.first);
  for (const index of order) {
    const value = values[index]!;
    // Slots stand from the largest to the smallest, because values come in that order.
    let slot = slots.findLastIndex(({ holds }) => holds.every((other) => !overlap(other, value)));
    if (slot < 0) slot = slots.push({ bytes: value.bytes, holds: [] }) - 1;
    slots[slot]!.holds.push(value);
    slotOf[index] = slot;
  }
  return { slotOf, slotBytes: slots.map((s) => s.bytes) };
}

function overlap(a: Lifetime, b: Lifetime): boolean {
  return a.first <= b.last && b.first <= a.last;
}
