import type { Node } from "../graph/index.ts";
import { opOf, parseAttributes } from "../ops/evaluate.ts";
import { sameShape, type Tensor } from "../tensor/index.ts";
import type { Surroundings } from "./rewrite.ts";

/** `x` times `scale` plus `shift`, where both hold one number for each channel (axis 1). */
export interface Affine {
  readonly x: string;
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/**
 * Reads a node as a scale and a shift per channel: BatchNormalization with constant statistics;
 * Add, Sub, Mul and Div with a constant that is one number, or one for each channel.
 */
export function affineOf(node: Node, around: Surroundings): Affine | undefined {
  if (node.epilogue || node.outputs.length !== 1) return undefined;
  if (node.op === "BatchNormalization") return batchNormalization(node, around);
  if (node.inputs.length !== 2) return undefined;
  const [a, b] = node.inputs as [string, string];
  const { dims } = around.typeOf(node.outputs[0]!);
  const constantFirst = around.constantOf(a) !== undefined;
  const [x, c] = constantFirst ? [b, a] : [a, b];
  const numbers = perChannel(around.constantOf(c), dims);
  if (!numbers || !sameShape(around.typeOf(x).dims, dims)) return undefined;
  const all = (value: number) => new Float64Array(numbers.length).fill(value);
  switch (node.op) {
    case "Add":
      return { x, scale: all(1), shift: numbers };
    case "Sub":
      return constantFirst
        ? { x, scale: all(-1), shift: numbers }
        : { x, scale: all(1), shift: numbers.map((v) => -v) };
    case "Mul":
      return { x, scale: numbers, shift: all(0) };
    case "Div": {
      const scale = numbers.map((v) => 1 / v);
      return constantFirst || !scale.every(Number.isFinite)
        ? undefined
        : { x, scale, shift: all(0) };
    }
    default:
      return undefined;
  }
}

/** Ioffe and Szegedy 2015, at inference: (x - mean) / sqrt(var + epsilon) * gamma + beta. */
function batchNormalization(node: Node, around: Surroundings): Affine | undefined {
  const parameters = node.inputs.slice(1, 5).map((name) => around.constantOf(name)?.toNumbers());
  if (parameters.some((p) => p === undefined)) return undefined;
  const [gamma, beta, mean, variance] = parameters as Float64Array[];
  const attributes = parseAttributes(opOf(node), node.attributes, node.name);
  if (attributes.training_mode === 1 || attributes.layout === "NHWC") return undefined;
  const epsilon = attributes.epsilon as number;
  const scale = gamma!.map((g, i) => g / Math.sqrt(variance![i]! + epsilon));
  return { x: node.inputs[0]!, scale, shift: beta!.map((b, i) => b - mean![i]! * scale[i]!) };
}

/** One number for each channel of `dims`, where the constant varies along no other axis. */
function perChannel(constant: Tensor | undefined, dims: readonly number[]) {
  const channels = dims[1];
  if (!constant || channels === undefined) return undefined;
  if (constant.size === 1) return new Float64Array(channels).fill(constant.toNumbers()[0]!);
  const lead = dims.length - constant.dims.length;
  const varies = constant.dims.every((d, i) => d === (i + lead === 1 ? channels : 1));
  return varies && constant.size === channels ? constant.toNumbers() : undefined;
}
