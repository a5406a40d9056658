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
 * Management for Deep Neural Net Inference (2020), https://arxiv.org/abs/2001.03288. Networks have
 * many values of one size, whose order matters, and a slot that was just left or is soon needed
 * is often the better one: several plans are made, and the smallest is taken.
 *
 * @example
 * planMemory([{ bytes: 16, first: 0, last: 1 }, { bytes: 16, first: 2, last: 3 }])
 * // { slotOf: [0, 0], slotBytes: [16] }
 */
export function planMemory(values: readonly Lifetime[]): MemoryPlan {
  const largestFirst = (tieOf: (index: number) => number): number[] =>
    values
      .map((_, i) => i)
      .sort((a, b) => values[b]!.bytes - values[a]!.bytes || tieOf(a) - tieOf(b));
  const inTime = largestFirst((i) => values[i]!.first);
  let best = shareSlots(values, inTime, smallest);
  const consider = (other: MemoryPlan) => {
    if (totalOf(other) < totalOf(best)) best = other;
  };
  consider(shareSlots(values, inTime, nearest));
  const orders = Math.min(ordersMax, comparisonsMax / values.length ** 2);
  for (let k = 1; k < orders; k++) {
    const mixed = largestFirst((i) => Math.imul(i + 1, k * mixer));
    consider(shareSlots(values, mixed, nearest));
  }
  return best;
}

const ordersMax = 24;
/** Lifetimes that are compared at most, roughly: a few milliseconds. */
const comparisonsMax = 1e6;

/** An odd number whose multiples, cut to 32 bits, come in no order: 2^32 by the golden ratio. */
const mixer = 0x9e3779b1;

const totalOf = ({ slotBytes }: MemoryPlan): number => slotBytes.reduce((sum, b) => sum + b, 0);

interface Slot {
  readonly bytes: number;
  readonly holds: Lifetime[];
}

/** Picks one of the slots that are free for a value's life. They stand from large to small. */
type Choose = (free: readonly Slot[], value: Lifetime) => Slot | undefined;

const smallest: Choose = (free) => free.at(-1);

/** The slot that is idle for the shortest time before or behind the value. */
const nearest: Choose = (free, value) => {
  const idle = ({ first, last }: Lifetime) =>
    last < value.first ? value.first - last : first - value.last;
  const gaps = free.map(({ holds }) => Math.min(...holds.map(idle)));
  return free[gaps.indexOf(Math.min(...gaps))];
};

/** Places values in the given order, from the largest to the smallest. */
function shareSlots(
  values: readonly Lifetime[],
  order: readonly number[],
  choose: Choose,
): MemoryPlan {
  const slots: Slot[] = [];
  const held = new Map<number, Slot>();
  for (const index of order) {
    const value = values[index]!;
    const free = slots.filter(({ holds }) => holds.every((other) => !overlap(other, value)));
    let slot = choose(free, value);
    if (!slot) {
      slot = { bytes: value.bytes, holds: [] };
      slots.push(slot);
    }
    slot.holds.push(value);
    held.set(index, slot);
  }
  return {
    slotOf: values.map((_, i) => slots.indexOf(held.get(i)!)),
    slotBytes: slots.map(({ bytes }) => bytes),
  };
}

function overlap(a: Lifetime, b: Lifetime): boolean {
  return a.first <= b.last && b.first <= a.last;
}
