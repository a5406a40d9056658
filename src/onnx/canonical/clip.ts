import { RekindleError } from "../../errors.ts";
import type { Attributes, Node } from "../../graph/index.ts";
import type { Rule, RuleContext } from "./rule.ts";

/**
 * Clip has its bounds as attributes `min` and `max` where they are constants. A bound that is
 * computed becomes a Max or Min node.
 */
export const clip: Rule = (node, context) => {
  const min = boundOf(node, "min", 1, context);
  const max = boundOf(node, "max", 2, context);
  const attributes: Attributes = {
    ...(typeof min === "number" && { min }),
    ...(typeof max === "number" && { max }),
  };
  // Max before Min: so ONNX defines the result where the lower bound is above the upper one.
  const steps: Step[] = [];
  if (typeof min === "string") steps.push({ op: "Max", operands: [min], attributes: {} });
  if (Object.keys(attributes).length > 0 || (min === undefined && max === undefined)) {
    steps.push({ op: "Clip", operands: [], attributes });
  }
  if (typeof max === "string") steps.push({ op: "Min", operands: [max], attributes: {} });
  return chain(node, steps, context);
};

interface Step {
  readonly op: string;
  readonly operands: readonly string[];
  readonly attributes: Attributes;
}

/** A number where the bound is constant, the name of a value where not, undefined for none. */
function boundOf(
  node: Node,
  attribute: "min" | "max",
  input: number,
  context: RuleContext,
): number | string | undefined {
  const name = node.inputs[input] ?? "";
  if (name === "") return node.attributes[attribute] as number | undefined;
  const value = context.constant(name);
  if (!value) return name;
  if (value.size === 1) return value.toNumbers()[0]!;
  throw new RekindleError(
    "model-invalid",
    `node "${node.name}" (Clip): its ${attribute} has ${value.size} elements, needs 1`,
  );
}

/** The steps one after the other, from the node's input to its output. */
function chain(node: Node, steps: readonly Step[], context: RuleContext): Node[] {
  let value = node.inputs[0]!;
  return steps.map(({ op, operands, attributes }, i) => {
    const isLast = i === steps.length - 1;
    const output = isLast ? node.outputs[0]! : context.fresh(`${node.name}/${op}`);
    const name = isLast ? node.name : `${node.name}/${op}`;
    const inputs = [value, ...operands];
    value = output;
    return { name, op, inputs, outputs: [output], attributes };
  });
}
