import type { Node, TensorType } from "../graph/index.ts";
import type { Problem } from "../kernels/kernel.ts";
import { bytesPerElement, sizeOf } from "../tensor/index.ts";

type TypeOf = (name: string) => TensorType | undefined;

/**
 * Floating-point operations of a node: two for each multiplication and addition of convolutions
 * and matrix products by their definition, which is what papers count (as half as many "MACs");
 * 0 for everything else.
 */
export function flopOfNode(node: Node, typeOf: TypeOf): number {
  const [x, w] = node.inputs.map((name) => typeOf(name)?.dims ?? []);
  const y = typeOf(node.outputs[0]!)!.dims;
  switch (node.op) {
    case "Conv":
      return 2 * sizeOf(y) * sizeOf(w!.slice(1));
    case "ConvTranspose":
      return 2 * sizeOf(x!) * sizeOf(w!.slice(1));
    case "Gemm":
      return 2 * sizeOf(x!) * y[1]!;
    case "MatMul":
      return 2 * sizeOf(y) * x!.at(-1)!;
    default:
      return 0;
  }
}

/** Bytes of everything that a node reads and writes, its fused operands included, each once. */
export function bytesOfProblem({ inputs, outputs, epilogue }: Problem): number {
  const operands = epilogue.map(({ operand }) => operand);
  return [...inputs, ...outputs, ...operands].reduce((sum, type) => {
    return sum + (type ? sizeOf(type.dims) * bytesPerElement(type.dtype) : 0);
  }, 0);
}
