import { opOf } from "../ops/evaluate.ts";
import { sameShape } from "../tensor/index.ts";
import { permutationOf } from "./identities.ts";
import { type Rule, reshapeNode } from "./rewrite.ts";

/** Transpose of a Transpose becomes one Transpose. */
export const composeTransposes: Rule = (node, around) => {
  if (node.op !== "Transpose" || node.epilogue) return undefined;
  const inner = around.producerOf(node.inputs[0]!);
  if (inner?.op !== "Transpose" || inner.epilogue) return undefined;
  const rank = around.typeOf(node.outputs[0]!).dims.length;
  const first = permutationOf(inner, rank);
  const perm = permutationOf(node, rank).map((axis) => first[axis]!);
  return [{ ...node, inputs: inner.inputs, attributes: { perm } }];
};

/**
 * A Transpose that moves only axes of size 1 past others leaves the memory as it is: it becomes a
 * Reshape. Views of views become one Reshape.
 */
export const simplifyViews: Rule = (node, around) => {
  if (node.epilogue || node.outputs.length !== 1) return undefined;
  const output = node.outputs[0]!;
  const isView = opOf(node).traits.isView ?? false;
  if (node.op === "Transpose") {
    const { dims } = around.typeOf(node.inputs[0]!);
    if (!keepsMemory(permutationOf(node, dims.length), dims)) return undefined;
  } else if (!isView) {
    return undefined;
  }
  const inner = around.producerOf(node.inputs[0]!);
  const innerIsView = inner && !inner.epilogue && opOf(inner).traits.isView;
  const source = innerIsView ? inner.inputs[0]! : node.inputs[0]!;
  const [from, to] = [around.typeOf(source), around.typeOf(output)];
  if (from.dtype === to.dtype && sameShape(from.dims, to.dims)) return source;
  if (isView && !innerIsView) return undefined;
  return [reshapeNode(node.name, source, output, around)];
};

/** True where the axes that are longer than 1 stay in order. */
export function keepsMemory(permutation: readonly number[], dims: readonly number[]): boolean {
  const long = permutation.filter((axis) => dims[axis] !== 1);
  return long.every((axis, i) => i === 0 || long[i - 1]! < axis);
}
