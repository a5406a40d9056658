import { inferNode, opOf } from "../ops/evaluate.ts";
import { type Rule, reshapeNode } from "./rewrite.ts";

/**
 * A reduction that drops its axes keeps them instead, followed by a Reshape: the number of axes
 * then stays, and the reduction can follow the layout of its input.
 */
export const keepReducedAxes: Rule = (node, around) => {
  const op = opOf(node);
  if (op.traits.layout !== "axes" || !("keepdims" in op.attributes) || node.epilogue) {
    return undefined;
  }
  const rank = around.typeOf(node.inputs[0]!).dims.length;
  const output = node.outputs[0]!;
  if (rank < 3 || node.attributes.keepdims !== 0) return undefined;
  const kept = { ...node, attributes: { ...node.attributes, keepdims: 1 } };
  const typeOf = (name: string) => (name === "" ? undefined : around.typeOf(name));
  const [type] = inferNode(
    kept,
    node.inputs.map(typeOf),
    node.inputs.map((name) => around.constantOf(name)),
  );
  const value = around.addValue(`${output}:kept`, type!);
  return [{ ...kept, outputs: [value] }, reshapeNode(`${node.name}:drop`, value, output, around)];
};
