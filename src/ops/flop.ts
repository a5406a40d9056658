import type { Node, TensorType } from "../graph/index.ts";
import type { Problem } from "../kernels/kernel.ts";
import { ops } from "./index.ts";

type TypeOf = (name: string) => TensorType | undefined;

/** Floating-point operations of a node by the definition of its operator (`Op.flop`). */
export function flopOfNode({ op, inputs, outputs }: Node, typeOf: TypeOf): number {
  return flopOf(op, inputs.map(typeOf), typeOf(outputs[0]!)!);
}

/** The same of a node as kernels see it. */
export const flopOfProblem = ({ op, inputs, outputs }: Problem): number =>
  flopOf(op, inputs, outputs[0]!);

function flopOf(op: string, inputs: readonly (TensorType | undefined)[], output: TensorType) {
  const shapes = inputs.map((type) => type?.dims ?? []);
  return ops.get(op)?.flop?.(shapes, output.dims) ?? 0;
}
