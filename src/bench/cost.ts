import type { Problem } from "../kernels/kernel.ts";
import { bytesPerElement, sizeOf } from "../tensor/index.ts";

/** Bytes of everything that a node reads and writes, its fused operands included, each once. */
export function bytesOfProblem({ inputs, outputs, epilogue }: Problem): number {
  const operands = epilogue.map(({ operand }) => operand);
  return [...inputs, ...outputs, ...operands].reduce((sum, type) => {
    return sum + (type ? sizeOf(type.dims) * bytesPerElement(type.dtype) : 0);
  }, 0);
}
