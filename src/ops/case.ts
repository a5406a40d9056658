import type { AttributeValue } from "../graph/index.ts";
import type { DType } from "../tensor/index.ts";

/**
 * One example of an operator: data for tests, benchmarks and docs. Inputs are a shape (filled with
 * seeded random numbers), explicit values, or undefined where the optional input is left out.
 */
export interface OpCase {
  readonly name: string;
  readonly inputs: readonly (CaseInput | undefined)[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly outputCount?: number;
  /** Expected outputs worked out by hand; without them only kernels and reference are compared. */
  readonly expected?: readonly (readonly number[])[];
}

export interface CaseInput {
  readonly dims: readonly number[];
  readonly dtype?: DType;
  readonly values?: readonly number[];
  /** The value is known when the graph is planned, as a weight or a shape is. */
  readonly constant?: boolean;
  /** The range of random values, [-1, 1) where left out. */
  readonly range?: readonly [number, number];
}

/** An input of random numbers. */
export function random(dims: readonly number[], range?: readonly [number, number]): CaseInput {
  return range ? { dims, range } : { dims };
}

/** A constant input of random numbers: a weight. */
export function weight(dims: readonly number[]): CaseInput {
  return { dims, constant: true };
}

/** A constant one-dimensional int64 input: a shape, axes, pads. */
export function ints(...values: number[]): CaseInput {
  return { dims: [values.length], dtype: "int64", values, constant: true };
}

/** A constant one-dimensional float32 input. */
export function floats(...values: number[]): CaseInput {
  return { dims: [values.length], values, constant: true };
}
