import type { AttributeValue, TensorType } from "../graph/index.ts";
import type { DeviceTraits, Problem } from "../kernels/kernel.ts";
import { isFloat, Tensor } from "../tensor/index.ts";

/**
 * A problem as one line of text: equal for problems that the same shader computes. Weights are
 * marked as known (`*`) but do not count; integers such as axes and pads do. Arithmetic in float16
 * makes another problem of one that is stored as float16.
 *
 * @example
 * problemKey(problem, gpu.traits);
 * // "Conv group=1 ... (float32[1,56,56,64], float32[64,64,3,3]*) -> float32[1,56,56,64]"
 */
export function problemKey(
  problem: Problem,
  { multipliesHalf = false }: Pick<DeviceTraits, "multipliesHalf">,
): string {
  const inputs = problem.inputs.map((type, i) =>
    type === undefined ? "-" : shown(type) + knownPart(problem.constants[i]),
  );
  const steps = problem.epilogue.map(({ expression, operand, operandFirst }) => {
    const [a, b] = operandFirst ? ["y", "x"] : ["x", "y"];
    const where = operand ? ` with y ${shown(operand)}` : "";
    return `; ${expression(a, b, "f32")}${where}`;
  });
  const attributes = Object.entries(problem.attributes)
    .filter(([, value]) => value !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ` ${name}=${attributeText(value!)}`);
  const types = `(${inputs.join(", ")}) -> ${problem.outputs.map(shown).join(", ")}`;
  const isHalf = [...problem.inputs, ...problem.outputs].some((t) => t?.dtype === "float16");
  const arithmetic = multipliesHalf && isHalf ? "; multiplied in float16" : "";
  return `${problem.op}${attributes.join("")} ${types}${steps.join("")}${arithmetic}`;
}

const shown = ({ dtype, dims }: TensorType): string => `${dtype}[${dims.join(",")}]`;

function knownPart(constant: Tensor | undefined): string {
  if (!constant) return "";
  return isFloat(constant.dtype) ? "*" : `=[${constant.data.join(",")}]`;
}

function attributeText(value: AttributeValue): string {
  if (value instanceof Tensor) return `${shown(value)}=[${value.toNumbers().join(",")}]`;
  return typeof value === "object" ? `[${value.join(",")}]` : String(value);
}
