import { planMemory } from "./memory.ts";

/** Collects when each value is written first and read last, by step numbers. */
export class Lifetimes {
  private readonly values = new Map<string, { bytes: number; first: number; last: number }>();

  /** `name` is written at step `first`. */
  declare(name: string, bytes: number, first: number): void {
    this.values.set(name, { bytes, first, last: first });
  }

  /** `name` is read at `step`. Constants, which are not declared, live elsewhere. */
  use(name: string, step: number): void {
    const value = this.values.get(name);
    if (value) value.last = Math.max(value.last, step);
  }

  /** Forgets a value that is never read. */
  dropUnused(name: string): void {
    const value = this.values.get(name);
    if (value && value.last === value.first) this.values.delete(name);
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  /** Shares memory between the values, after `check` has seen each. */
  plan(check: (name: string, bytes: number) => void) {
    const names = [...this.values.keys()];
    for (const [name, { bytes }] of this.values) check(name, bytes);
    const { slotOf, slotBytes } = planMemory([...this.values.values()]);
    const slots = new Map(names.map((name, i) => [name, slotOf[i]!]));
    return { slotBytes, slotOf: (name: string): number => slots.get(name)! };
  }
}
