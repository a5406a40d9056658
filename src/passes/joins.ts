import { opOf, parseAttributes } from "../ops/evaluate.ts";
import { normalizeAxis } from "../tensor/index.ts";
import type { Rule } from "./rewrite.ts";

/**
 * A join (Concat) that begins with all the inputs of an earlier one goes on from that one's output,
 * as in blocks of DenseNet, where every layer joins all that came before it. The inner join can
 * then lie inside the outer one (session/placement.ts).
 */
export function continueJoins(): Rule {
  const seen = new Map<string, string>();
  return (node, around) => {
    const op = opOf(node);
    if (!op.traits.isJoin || node.epilogue) return undefined;
    const { axis } = parseAttributes(op, node.attributes, node.name);
    const rank = around.typeOf(node.outputs[0]!).dims.length;
    const keyOf = (inputs: readonly string[]) =>
      JSON.stringify([normalizeAxis(axis as number, rank), ...inputs]);
    const whole = keyOf(node.inputs);
    if (!seen.has(whole)) seen.set(whole, node.outputs[0]!);
    for (let count = node.inputs.length - 1; count > 1; count--) {
      const known = seen.get(keyOf(node.inputs.slice(0, count)));
      if (known) return [{ ...node, inputs: [known, ...node.inputs.slice(count)] }];
    }
    return undefined;
  };
}
