import type { Config, Dispatch, Problem } from "../kernels/kernel.ts";

/** What tells apart the shaders whose compiled code is stored. */
export interface ShaderIdentity {
  readonly kernel: string;
  readonly config: Config;
  readonly problem: Problem;
  readonly dispatch: Dispatch;
}

/** Parts of a configuration that the dispatch's label tells, or that leave the code as it is. */
const untold = /^(splits|chunkMebibytes|tileM|tileN|depth)$/;

/** Whether a dispatch multiplies in a tile, which its label names: "conv 3x3 gemm 64x64x16". */
export const isTile = ({ label }: Dispatch): boolean => /\d+x\d+x\d+/.test(label);

/**
 * The key of a shader's stored figures: kernel, dispatch, configuration and precision. Shaders that
 * agree in these differ in sizes and fused steps alone. What only accompanies a tile, such as the
 * dispatch that adds up a split sum, is the same for every tile.
 *
 * @example "conv-gemm | conv 3x3 gemm 64x64x16 | cols=8 rows=8 unroll | f32"
 */
export function shaderKey({ kernel, config, problem, dispatch }: ShaderIdentity): string {
  const label = dispatch.label.replace(/ in \d+$/, " split");
  const input = loadsScalars(problem) ? ["scalar input"] : [];
  return [kernel, label, ...input, partsOf(config, dispatch), precisionOf(problem)].join(" | ");
}

function partsOf(config: Config, dispatch: Dispatch): string {
  if (config.tileM !== undefined && !isTile(dispatch)) return "";
  return Object.entries(config)
    .filter(([name, value]) => !untold.test(name) && value !== false)
    .map(([name, value]) => (value === true ? name : `${name}=${value}`))
    .sort()
    .join(" ");
}

/** The first input's channels are no multiple of four, so that they are loaded one by one. */
const loadsScalars = ({ inputs }: Problem): boolean => (inputs[0]?.dims.at(-1) ?? 0) % 4 !== 0;

/** How values are stored: "f16" where any input or output is float16. */
export function precisionOf({ inputs, outputs }: Problem): "f32" | "f16" {
  return [...inputs, ...outputs].some((type) => type?.dtype === "float16") ? "f16" : "f32";
}
