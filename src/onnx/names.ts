/** Hands out names that nothing else has, in constant time however often a base is asked for. */
export class Names {
  readonly #taken: Set<string>;
  readonly #next = new Map<string, number>();

  constructor(taken: Iterable<string> = []) {
    this.#taken = new Set(taken);
  }

  /** `base` where it is free, else `base_1`, `base_2`, ... */
  fresh(base: string): string {
    let name = base;
    for (let i = this.#next.get(base) ?? 1; this.#taken.has(name); i++) {
      name = `${base}_${i}`;
      this.#next.set(base, i + 1);
    }
    this.#taken.add(name);
    return name;
  }
}
