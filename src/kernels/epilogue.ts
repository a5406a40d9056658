import type { TensorType } from "../graph/index.ts";
import { sizeOf } from "../tensor/index.ts";
import type { Binding, PlacedType, PointwiseExpression, Problem } from "./kernel.ts";
import { placeCode } from "./place.ts";
import { broadcastWalk, isSplat, offsetCode, vectorizable } from "./strided.ts";
import { type Buffer, computeType, elementOf, type Width } from "./wgsl.ts";

/** A pointwise step with the buffer that its second argument comes from. */
export interface Step {
  readonly expression: PointwiseExpression;
  readonly operand?: { readonly type: TensorType; readonly from: Binding };
  readonly operandFirst?: boolean;
  /** The operator of a fused step. */
  readonly op?: string;
  /** Whether it is applied is told by a param, so that shaders with and without it are one. */
  readonly optional?: { readonly applies: boolean };
}

/** The steps that were fused into a node, reading their operands from the node's extra inputs. */
export function stepsOf(problem: Problem): Step[] {
  let operands = 0;
  return problem.epilogue.map(({ op, expression, operand, operandFirst }) =>
    operand
      ? {
          ...{ op, expression, operandFirst },
          operand: { type: operand, from: { kind: "operand", index: operands++ } },
        }
      : { op, expression },
  );
}

/**
 * Steps for shaders that many layers share: where there are a bias and, of a residual sum and a
 * Relu, both, one or none, all three, of which the last two may be left out by params. ResNets have
 * each product with and without them, and drivers take 0.2 s to compile one. A sum that is left out
 * is given the bias to bind.
 */
export function sharedSteps(steps: readonly Step[], out: TensorType): readonly Step[] {
  const [bias, ...fused] = steps;
  if (!bias?.operand || bias.op) return steps;
  const isWhole = ({ operand }: Step) => operand && sizeOf(operand.type.dims) === sizeOf(out.dims);
  const sum = fused[0]?.op === "Add" && isWhole(fused[0]) ? fused[0] : undefined;
  const relu = fused[sum ? 1 : 0];
  if ((relu && relu.op !== "Relu") || fused.length > (sum ? 2 : 1)) return steps;
  const nothing = { type: { ...bias.operand.type, dims: out.dims }, from: bias.operand.from };
  return [
    bias,
    {
      expression: (x, y) => `${x} + ${y}`,
      operand: sum?.operand ?? nothing,
      optional: { applies: sum !== undefined },
    },
    {
      expression: (x, _y, T) => `max(${x}, ${T}(0))`,
      optional: { applies: relu !== undefined },
    },
  ];
}

/** Adds a constant or computed bias, broadcast to the output as `dims`, before other steps. */
export function biasStep(problem: Problem, index: number, dims: readonly number[]): Step[] {
  const bias = problem.inputs[index];
  if (!bias) return [];
  const type = { dtype: bias.dtype, dims };
  return [
    { expression: (x, y) => `${x} + ${y}`, operand: { type, from: { kind: "input", index } } },
  ];
}

/** True where every operand can be read four elements at a time along `out`. */
export function stepsAreVectorizable(steps: readonly Step[], out: TensorType): boolean {
  return steps.every(
    (s) => !s.operand || vectorizable(broadcastWalk(s.operand.type.dims, out.dims)),
  );
}

/**
 * WGSL `fn epilogue(value: T, at: u32) -> T`, where `at` is the flat index of the value's first
 * element in the output `out`; with the buffers and params it reads. What it returns is stored at
 * `placed(index)`, where `index` counts the output's vectors.
 */
export function epilogue(steps: readonly Step[], out: PlacedType, width: Width) {
  const T = computeType(width);
  const buffers: Buffer[] = [];
  const place = placeCode(out.place, width);
  const params: Record<string, number> = { ...place.params };
  const lines: string[] = [];
  steps.forEach((step, i) => {
    let y = "";
    if (step.operand) {
      const { type, from } = step.operand;
      const walk = broadcastWalk(type.dims, out.dims);
      const loadWidth = width === 4 && !isSplat(walk) ? 4 : 1;
      const offset = offsetCode(walk, `e${i}`, `at${i}`, "at");
      Object.assign(params, offset.params);
      buffers.push({ name: `e${i}`, element: elementOf(type, loadWidth), from });
      // Through f32, because WGSL makes no vector of f32 from a single f16.
      y = loadWidth === 4 ? `${T}(e${i}[at${i} / 4u])` : `${T}(f32(e${i}[at${i}]))`;
      lines.push(offset.code);
    }
    const [a, b] = step.operandFirst ? [y, "value"] : ["value", y];
    const line = `value = ${step.expression(a, b, T)};`;
    if (step.optional) params[`has${i}`] = step.optional.applies ? 1 : 0;
    lines.push(step.optional ? `  if (params.has${i} != 0u) { ${line} }` : `  ${line}`);
  });
  const text = `${place.text}fn epilogue(first: ${T}, at: u32) -> ${T} {
  var value = first;
${lines.join("\n")}
  return value;
}
`;
  return { text, buffers, params, placed: place.at };
}
