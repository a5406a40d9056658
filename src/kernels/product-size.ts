/** A matrix product's sizes: `groups` of them, each M x N with sums of length `depth`. */
export interface ProductSize {
  readonly M: number;
  readonly N: number;
  readonly depth: number;
  readonly groups: number;
  /** Pictures that the rows belong to; left out: they belong to none. */
  readonly pictures?: number;
  /** Both operands are float16. */
  readonly isHalf: boolean;
  /** Multiplications that make an element of A as it is loaded; left out: it is in memory. */
  readonly taps?: number;
}
