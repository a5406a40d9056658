import { normalTensor } from "../bench/random.ts";
import type { ProgramData } from "../gpu/index.ts";
import type { TensorType } from "../graph/index.ts";
import type { NodeProblem } from "../session/plan.ts";
import type { Tensor } from "../tensor/index.ts";

/**
 * Numbers for a node: its own weights, and seeded normal ones for what flows. What pointwise steps
 * read is kept above zero, where division, logarithms and powers are defined.
 */
export function problemData({ node, problem }: NodeProblem): ProgramData {
  const inputs = problem.inputs.map((type, i) => {
    const constant = problem.constants[i];
    if (!type || constant) return constant;
    return problem.pointwise ? aboveZero(normal(type, i + 1)) : normal(type, i + 1);
  });
  const names = (node.epilogue ?? []).flatMap(({ operand }) => operand ?? []);
  const types = problem.epilogue.flatMap(({ operand }) => operand ?? []);
  // Steps that read the same value get the same numbers.
  const operands = types.map((type, i) => aboveZero(normal(type, 100 + names.indexOf(names[i]!))));
  return { inputs, operands, outputs: problem.outputs };
}

function normal({ dtype, dims }: TensorType, seed: number): Tensor {
  return normalTensor(dtype === "float16" ? dtype : "float32", dims, seed);
}

/** Clears the sign of every number, in place. */
function aboveZero(tensor: Tensor): Tensor {
  const { data, dtype } = tensor;
  if (dtype === "float16")
    for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) & 0x7fff;
  else for (let i = 0; i < data.length; i++) data[i] = Math.abs(data[i] as number);
  return tensor;
}
