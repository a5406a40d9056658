import type { Node } from "../../graph/index.ts";
import { type DType, Tensor } from "../../tensor/index.ts";
import { padded, type Rule, type RuleContext, without } from "./rule.ts";

/** An attribute of older opsets that newer ones have as an input. */
interface Move {
  readonly attribute: string;
  readonly dtype: DType;
  readonly input: number;
}

const axes: readonly Move[] = [{ attribute: "axes", dtype: "int64", input: 1 }];

const moves: Readonly<Record<string, readonly Move[]>> = {
  Squeeze: axes,
  Unsqueeze: axes,
  ReduceL1: axes,
  ReduceL2: axes,
  ReduceLogSum: axes,
  ReduceLogSumExp: axes,
  ReduceMax: axes,
  ReduceMean: axes,
  ReduceMin: axes,
  ReduceProd: axes,
  ReduceSum: axes,
  ReduceSumSquare: axes,
  Slice: [
    { attribute: "starts", dtype: "int64", input: 1 },
    { attribute: "ends", dtype: "int64", input: 2 },
    { attribute: "axes", dtype: "int64", input: 3 },
  ],
  Split: [{ attribute: "split", dtype: "int64", input: 1 }],
  Pad: [
    { attribute: "pads", dtype: "int64", input: 1 },
    { attribute: "value", dtype: "float32", input: 2 },
  ],
  TopK: [{ attribute: "k", dtype: "int64", input: 1 }],
  Upsample: [{ attribute: "scales", dtype: "float32", input: 1 }],
};

/** Moves attributes to the inputs that replace them, as constants. */
export function moveAttributes(node: Node, context: RuleContext): Node {
  const moved = (moves[node.op] ?? []).filter(({ attribute }) => attribute in node.attributes);
  if (moved.length === 0) return node;
  const inputs = padded(node.inputs, 1 + Math.max(...moved.map((m) => m.input)));
  for (const { attribute, dtype, input } of moved) {
    const value = node.attributes[attribute];
    const list = Array.isArray(value) ? value : [value];
    // An explicit input wins; Pad's default of 0 needs no input, and no guess at its type.
    if (inputs[input] !== "" || (attribute === "value" && value === 0)) continue;
    const dims = attribute === "value" ? [] : [list.length];
    inputs[input] = context.addConstant(
      `${node.name}/${attribute}`,
      Tensor.from(dtype, list as number[], dims),
    );
  }
  const attributes = without(node.attributes, ...moved.map((m) => m.attribute));
  return { ...node, inputs, attributes };
}

const move: Rule = (node, context) => [moveAttributes(node, context)];

/** Split says how many parts it makes: before opset 18 that was the number of its outputs. */
const split: Rule = (node, context) => {
  const moved = moveAttributes(node, context);
  if (moved.inputs[1] || "num_outputs" in moved.attributes) return [moved];
  return [{ ...moved, attributes: { ...moved.attributes, num_outputs: node.outputs.length } }];
};

/** Operators whose attributes became inputs; Upsample has a rule of its own. */
export const movedAttributeRules: ReadonlyMap<string, Rule> = new Map([
  ...Object.keys(moves).map((op) => [op, move] as const),
  ["Split", split],
]);
