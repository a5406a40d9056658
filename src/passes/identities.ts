import type { Node } from "../graph/index.ts";
import { opOf } from "../ops/evaluate.ts";
import { sameShape } from "../tensor/index.ts";
import type { Rule, Surroundings } from "./rewrite.ts";

/**
 * Drops nodes that only repeat their first input: Identity, Dropout, Cast to the same type,
 * Transpose that moves nothing, Reshape to the same shape, Concat of one, Pad by nothing.
 */
export const dropIdentities: Rule = (node, around) => {
  const [input] = node.inputs;
  if (input === undefined || input === "" || node.epilogue || node.outputs.length !== 1) {
    return undefined;
  }
  const from = around.typeOf(input);
  const to = around.typeOf(node.outputs[0]!);
  const unchanged = from.dtype === to.dtype && sameShape(from.dims, to.dims);
  return unchanged && repeats(node, around) ? input : undefined;
};

function repeats(node: Node, around: Surroundings): boolean {
  switch (node.op) {
    case "Identity":
    case "Dropout":
    case "Cast":
      return true;
    case "Transpose": {
      const rank = around.typeOf(node.inputs[0]!).dims.length;
      const perm = permutationOf(node, rank);
      return perm.every((axis, i) => axis === i);
    }
    case "Concat":
      return node.inputs.length === 1;
    case "Pad": {
      const pads = around.constantOf(node.inputs[1] ?? "");
      return pads?.toNumbers().every((p) => p === 0) ?? false;
    }
    default:
      return opOf(node).traits.isView ?? false;
  }
}

/** A Transpose's permutation; it reverses the axes where none is given. */
export function permutationOf(node: Node, rank: number): readonly number[] {
  const perm = node.attributes.perm as readonly number[] | undefined;
  return perm?.length ? perm : Array.from({ length: rank }, (_, i) => rank - 1 - i);
}
