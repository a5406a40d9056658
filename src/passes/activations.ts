import type { Attributes, Node } from "../graph/index.ts";
import { opOf, parseAttributes } from "../ops/evaluate.ts";
import { sameShape, Tensor } from "../tensor/index.ts";
import type { Rule, Surroundings } from "./rewrite.ts";

/**
 * Activations that exporters write as several nodes:
 * x * Sigmoid(x) is Swish; Clip(x + 3, 0, 6) / 6 is HardSigmoid; x times that is HardSwish, in
 * whatever order it is multiplied; Clip(Relu(x)) is Clip.
 */
export const recognizeActivations: Rule = (node, around) => {
  if (node.epilogue) return undefined;
  if (node.op === "Clip") return clipOfRelu(node, around);
  if (node.op !== "Mul" && node.op !== "Div") return undefined;
  const found = swish(node, around) ?? hardSigmoid(node, around) ?? hardSwish(node, around);
  if (!found) return undefined;
  const from = around.typeOf(found.x);
  const to = around.typeOf(node.outputs[0]!);
  if (from.dtype !== to.dtype || !sameShape(from.dims, to.dims)) return undefined;
  return [{ ...node, op: found.op, inputs: [found.x], attributes: found.attributes }];
};

interface Found {
  readonly op: string;
  readonly x: string;
  readonly attributes: Attributes;
}

function swish(node: Node, around: Surroundings): Found | undefined {
  return firstMatch(node, (x, gate) => {
    const sigmoid = producer(gate, "Sigmoid", around);
    return sigmoid?.inputs[0] === x ? { op: "Swish", x, attributes: { alpha: 1 } } : undefined;
  });
}

/** Clip(x + 3, 0, 6) / 6 */
function hardSigmoid(node: Node, around: Surroundings): Found | undefined {
  const sum = sixth(node, around);
  const x = sum === undefined ? undefined : clippedByThree(sum, around);
  if (x === undefined) return undefined;
  return { op: "HardSigmoid", x, attributes: { alpha: 1 / 6, beta: 0.5 } };
}

/** x * HardSigmoid(x), (x * Clip(x + 3, 0, 6)) / 6, or (x / 6) * Clip(x + 3, 0, 6). */
function hardSwish(node: Node, around: Surroundings): Found | undefined {
  const scaled = sixth(node, around);
  const product = scaled === undefined ? undefined : producer(scaled, "Mul", around);
  const whole =
    product && firstMatch(product, (x, y) => (clippedByThree(y, around) === x ? x : undefined));
  const parts = firstMatch(node, (x, gate) => {
    const inner = producer(gate, "HardSigmoid", around);
    if (inner?.inputs[0] === x && isSixthPlusHalf(inner)) return x;
    const clipped = clippedByThree(gate, around);
    const divided = around.producerOf(x);
    return clipped !== undefined && divided && sixth(divided, around) === clipped
      ? clipped
      : undefined;
  });
  const x = whole ?? parts;
  return x === undefined ? undefined : { op: "HardSwish", x, attributes: {} };
}

/** Tries both orders of a product. */
function firstMatch<T>(node: Node, match: (a: string, b: string) => T | undefined): T | undefined {
  if (node.op !== "Mul" || node.epilogue) return undefined;
  const [a, b] = node.inputs as [string, string];
  return match(a, b) ?? match(b, a);
}

/** `v` where the node is v / 6 or v * (1/6). */
function sixth(node: Node, around: Surroundings): string | undefined {
  const [a, b] = node.inputs as [string, string];
  if (node.epilogue) return undefined;
  if (node.op === "Div") return isScalar(b, 6, around) ? a : undefined;
  if (node.op !== "Mul") return undefined;
  if (isScalar(b, 1 / 6, around)) return a;
  return isScalar(a, 1 / 6, around) ? b : undefined;
}

/** `x` where the value is Clip(x + 3, 0, 6). */
function clippedByThree(name: string, around: Surroundings): string | undefined {
  const clip = producer(name, "Clip", around);
  if (!clip || !hasBounds(clip, 0, 6)) return undefined;
  const add = producer(clip.inputs[0]!, "Add", around);
  if (!add) return undefined;
  const [a, b] = add.inputs as [string, string];
  if (isScalar(b, 3, around)) return a;
  return isScalar(a, 3, around) ? b : undefined;
}

function clipOfRelu(node: Node, around: Surroundings): Node[] | undefined {
  const relu = producer(node.inputs[0]!, "Relu", around);
  const { min, max } = boundsOf(node);
  if (!relu || max < 0) return undefined;
  return [
    {
      ...node,
      inputs: relu.inputs,
      attributes: { ...node.attributes, min: Math.max(min, 0) },
    },
  ];
}

function boundsOf(clip: Node): { min: number; max: number } {
  const { min, max } = parseAttributes(opOf(clip), clip.attributes, clip.name);
  return {
    min: typeof min === "number" ? min : Number.NEGATIVE_INFINITY,
    max: typeof max === "number" ? max : Number.POSITIVE_INFINITY,
  };
}

function hasBounds(clip: Node, low: number, high: number): boolean {
  const { min, max } = boundsOf(clip);
  return min === low && max === high;
}

function isSixthPlusHalf(node: Node): boolean {
  const { alpha, beta } = parseAttributes(opOf(node), node.attributes, node.name);
  return Math.abs((alpha as number) - 1 / 6) < 1e-6 && beta === 0.5;
}

function producer(name: string, op: string, around: Surroundings): Node | undefined {
  const node = around.producerOf(name);
  return node?.op === op && !node.epilogue ? node : undefined;
}

/** True for a constant of one element that is `value`, as far as its type can say. */
function isScalar(name: string, value: number, around: Surroundings): boolean {
  const constant = around.constantOf(name);
  if (constant?.size !== 1) return false;
  return Tensor.from(constant.dtype, [value], []).toNumbers()[0] === constant.toNumbers()[0];
}
