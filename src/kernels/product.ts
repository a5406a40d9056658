import type { TensorType } from "../graph/index.ts";
import { broadcast, type Shape, sizeOf } from "../tensor/index.ts";
import { biasStep, type Step, stepsOf } from "./epilogue.ts";
import type { Problem } from "./kernel.ts";

/** A matrix product, C[M][N] = A[M][depth] B[depth][N], for every index of `batch`. */
export interface Product {
  readonly M: number;
  readonly N: number;
  readonly depth: number;
  readonly batch: Shape;
  /** A is stored [depth][M], B is stored [N][depth]. */
  readonly transA: boolean;
  readonly transB: boolean;
  /** A's and B's own batch dimensions, which broadcast to `batch`. */
  readonly batchA: Shape;
  readonly batchB: Shape;
}

/**
 * The sizes of a MatMul or Gemm. A vector counts as a matrix of one row (A) or one column (B), as
 * in NumPy. Throws a sentence where the sizes do not fit.
 */
export function productOf(a: Shape, b: Shape, transA = false, transB = false): Product {
  const A = a.length === 1 ? [1, a[0]!] : a;
  const B = b.length === 1 ? [b[0]!, 1] : b;
  const [rowsA, colsA] = A.slice(-2) as [number, number];
  const [rowsB, colsB] = B.slice(-2) as [number, number];
  const [M, depth] = transA ? [colsA, rowsA] : [rowsA, colsA];
  const [depthB, N] = transB ? [colsB, rowsB] : [rowsB, colsB];
  if (depth !== depthB) throw new Error(`A has ${depth} columns, B has ${depthB} rows`);
  const batchA = A.slice(0, -2);
  const batchB = B.slice(0, -2);
  const batch = broadcast(batchA, batchB);
  if (!batch)
    throw new Error(`batches ${batchA.join("x")} and ${batchB.join("x")} do not broadcast`);
  if (sizeOf(batchB) === 1 && !transA) {
    return { M: sizeOf(batch) * M, N, depth, batch: [], transA, transB, batchA: [], batchB: [] };
  }
  return { M, N, depth, batch, transA, transB, batchA, batchB };
}

/** The product of a kernel's problem. */
export function productOfProblem({ attributes, inputs }: Problem): Product {
  const [a, b] = inputs as readonly TensorType[];
  return productOf(a!.dims, b!.dims, attributes.transA === 1, attributes.transB === 1);
}

/** Gemm's scale and bias, then the fused steps. */
export function productSteps(problem: Problem): Step[] {
  const { alpha, beta } = problem.attributes as { alpha?: number; beta?: number };
  const scale: Step[] =
    alpha === undefined || alpha === 1
      ? []
      : [{ expression: (x, _y, T) => `${x} * ${T}(${alpha})` }];
  const bias = biasStep(problem, 2, problem.inputs[2]?.dims ?? []).map((step) =>
    beta === undefined || beta === 1
      ? step
      : { ...step, expression: (x: string, y: string, T: string) => `${x} + ${y} * ${T}(${beta})` },
  );
  return [...scale, ...bias, ...stepsOf(problem)];
}
