import type { ConvLayer } from "../bench/index.ts";
import type { Case } from "../trial/index.ts";

interface ListedCase {
  readonly id: string;
  readonly case: Case;
  readonly tolerance: number;
}

/** What a part of a validation is told to do; src/validate/plan.ts writes it. */
export interface NodeTaskOrder {
  readonly kind: "cases" | "repeat" | "soak" | "speed";
  readonly seed: number;
  readonly device?: string;
  readonly cases: readonly ListedCase[];
  /** Networks are compared with ONNX Runtime: the references take minutes for large pictures. */
  readonly cpu?: boolean;
  readonly times: number;
  readonly seconds: number;
  readonly layers: readonly (ConvLayer & { readonly name: string; readonly class: string })[];
  readonly models: readonly string[];
  readonly batch: number;
  readonly imageSize: number;
  /** Side of the largest matrix product that is measured. */
  readonly matrixSize: number;
}

/** What a part found out. */
export interface TaskResult {
  readonly error: number | "not finite";
  readonly output: string;
  readonly data: Readonly<Record<string, unknown>>;
}
