import type { TensorType } from "../graph/index.ts";
import type { Binding, PlacedType, PointwiseExpression, Problem } from "./kernel.ts";
import { placeCode } from "./place.ts";
import { broadcastWalk, isSplat, offsetCode, vectorizable } from "./strided.ts";
import { type Buffer, computeType, elementOf, type Width } from "./wgsl.ts";

/** A pointwise step with the buffer that its second argument comes from. */
export interface Step {
  readonly expression: PointwiseExpression;
  readonly operand?: { readonly type: TensorType; readonly from: Binding };
  readonly operandFirst?: boolean;
}

/** The steps that were fused into a node, reading their operands from the node's extra inputs. */
export function stepsOf(problem: Problem): Step[] {
  let operands = 0;
  return problem.epilogue.map(({ expression, operand, operandFirst }) =>
    operand
      ? {
          expression,
          operand: { type: operand, from: { kind: "operand", index: operands++ } },
          operandFirst,
        }
      : { expression },
  );
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
    lines.push(`  value = ${step.expression(a, b, T)};`);
  });
  const text = `${place.text}fn epilogue(first: ${T}, at: u32) -> ${T} {
  var value = first;
${lines.join("\n")}
  return value;
}
`;
  return { text, buffers, params, placed: place.at };
}
