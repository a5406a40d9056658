import type { Node } from "../graph/index.ts";
import type { Problem } from "../kernels/kernel.ts";
import { opOf, parseAttributes, problemOf } from "../ops/evaluate.ts";
import { flopOfProblem } from "../ops/flop.ts";
import { sizeOf } from "../tensor/index.ts";
import type { Rule, Surroundings } from "./rewrite.ts";

/** Values that a kernel reads; its output, or the parts of a split sum, is the eighth buffer. */
const valuesReadMax = 7;

/**
 * A depthwise convolution whose result only a 1x1 convolution reads becomes one node with it: the
 * value between is computed where it is needed and never stored (kernels/conv-separable.ts).
 */
export const mergeSeparable: Rule = (node, around) => {
  const window = around.soleProducerOf(node.inputs[0] ?? "");
  if (!window || !isPointwise(node, around) || !isDepthwise(window, around)) return undefined;
  const bounds = boundsOf(window);
  if (!bounds) return undefined;
  const { group: _group, layout: _layout, ...attributes } = window.attributes;
  const [x, taps, shift = ""] = window.inputs as readonly string[];
  const merged: Node = {
    ...node,
    op: "SeparableConv",
    inputs: [x!, taps!, shift, ...node.inputs.slice(1)],
    attributes: { ...attributes, ...bounds },
  };
  const operands = (merged.epilogue ?? []).filter((step) => step.operand !== undefined).length;
  const read = merged.inputs.filter((name) => name !== "").length + operands;
  const problem = problemOf(
    merged,
    (name) => around.typeOf(name),
    (name) => around.constantOf(name),
  );
  const isTaken = opOf(merged).kernels.some((kernel) => kernel.supports(problem) === true);
  return isTaken && pays(problem) && read <= valuesReadMax ? [merged] : undefined;
};

/**
 * The value between is computed anew for every tile of columns, which saves memory traffic where
 * there are one or two of them, and a launch anywhere. Of MobileNetV2's pairs on an H100, those of
 * 24 to 64 filters are 0.96 to 1.40 times as fast at batch 8 and 32; those of 16, which leave half
 * of a tile idle, and of 96 are mostly slower there; and at batch 1 nearly all are faster
 * (bench/depthwise-fusion.mjs). Larger windows were not measured; they take more registers.
 */
function pays(problem: Problem): boolean {
  const [, , ...window] = problem.inputs[1]!.dims;
  if (sizeOf(window) > 9) return false;
  const filters = problem.outputs[0]!.dims.at(-1)!;
  return (filters > 16 && filters <= 64) || flopOfProblem(problem) <= 3.5e7;
}

const attributesOf = (node: Node) => parseAttributes(opOf(node), node.attributes, node.name);

/** One filter per channel, channels last. */
function isDepthwise(node: Node, around: Surroundings): boolean {
  if (node.op !== "Conv") return false;
  const { layout, group } = attributesOf(node);
  const [filters, perGroup] = around.typeOf(node.inputs[1]!).dims;
  return layout === "NHWC" && perGroup === 1 && group === filters;
}

/** A matrix product over channels, channels last. */
function isPointwise(node: Node, around: Surroundings): boolean {
  if (node.op !== "Conv") return false;
  const { layout, group, strides, pads } = attributesOf(node);
  const [, , ...kernel] = around.typeOf(node.inputs[1]!).dims;
  const isDense = (list: unknown, value: number) => (list as number[]).every((n) => n === value);
  return (
    layout === "NHWC" &&
    group === 1 &&
    sizeOf(kernel) === 1 &&
    isDense(strides, 1) &&
    isDense(pads, 0)
  );
}

/** What its fused steps hold the result between; undefined where they do more than that. */
function boundsOf({ epilogue = [] }: Node) {
  const [step, ...others] = epilogue;
  if (!step) return {};
  if (others.length > 0) return undefined;
  if (step.op === "Relu") return { low: 0 };
  if (step.op !== "Clip") return undefined;
  const { min, max } = step.attributes as { readonly min?: number; readonly max?: number };
  return { ...(min !== undefined && { low: min }), ...(max !== undefined && { high: max }) };
}
