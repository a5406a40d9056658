import { stepsAreVectorizable } from "./epilogue.ts";
import { tileFits, tileOf } from "./gemm-tile.ts";
import type { Kernel, Problem } from "./kernel.ts";
import { transpose, transposeCode } from "./matmul-rows.ts";
import { packConstant } from "./pack.ts";
import { type Product, productOfProblem, productSteps } from "./product.ts";
import { isHalf, tilesFor } from "./tile-choice.ts";
import { tiledProgram } from "./tiled-product.ts";
import { type Buffer, elementOf, needsFloats } from "./wgsl.ts";

/** Matrix product in tiles through workgroup memory, for A of many rows and B stored by rows. */
export const matmulTile: Kernel = {
  name: "matmul-tile",
  placed: { output: true },
  supports(problem) {
    const floats = needsFloats(problem);
    if (floats !== true) return floats;
    const p = productOfProblem(problem);
    if (p.batch.length > 0 || p.transA) return "needs one matrix A, stored by rows";
    if (p.M <= 8) return `has too few rows (${p.M}) for tiles`;
    if (p.N % 4 !== 0 || p.depth % 4 !== 0) {
      return `needs multiples of 4 columns and depth, has ${p.N} and ${p.depth}`;
    }
    if (p.transB && !problem.constants[1]) return "needs B stored by rows, or known";
    return (
      stepsAreVectorizable(productSteps(problem), problem.outputs[0]!) ||
      "a fused operand is not four wide"
    );
  },
  configs(problem, device) {
    const { M, N, depth } = productOfProblem(problem);
    return tilesFor({ M, N, depth, groups: 1, isHalf: isHalf(problem) }, device);
  },
  fits: (config, _problem, device) => tileFits(tileOf(config), device),
  build(problem, config, options) {
    const p = productOfProblem(problem);
    const t = tileOf(config);
    const b = operandB(problem, p);
    const a: Buffer = {
      name: "a",
      element: elementOf(problem.inputs[0]!, 4),
      from: { kind: "input", index: 0 },
    };
    const isExact = options.tailor === true && p.depth % t.depth === 0;
    const program = tiledProgram(
      {
        label: "matmul",
        rows: p.M,
        cols: p.N / 4,
        groups: 1,
        depth: p.depth,
        operands: [a, b.buffer],
        params: {},
        functions: "",
        code: {
          setup: `  var col = aVec + firstSlice * ${t.depth / 4}u;
  var rowB = bRow + firstSlice * ${t.depth}u;`,
          a: {
            element: a.element,
            value: (i) => `a[(tileRow + aRow + ${i}u * aStep) * (params.depth / 4u) + col]`,
            counts: isExact ? undefined : () => "col < params.depth / 4u",
          },
          b: {
            element: b.buffer.element,
            value: (i) => `b[(rowB + ${i}u * bStep) * params.cols + tileCol + bVec]`,
            counts: isExact ? undefined : (i) => `rowB + ${i}u * bStep < params.depth`,
          },
          advance: `col += ${t.depth / 4}u;\n    rowB += ${t.depth}u;`,
        },
        steps: productSteps(problem),
        out: problem.outputs[0]!,
      },
      t,
      options,
    );
    return { ...program, packed: b.packed };
  },
};

/** B stored [depth][N]: as it comes where it is stored so, else packed. */
function operandB(problem: Problem, p: Product) {
  const type = problem.inputs[1]!;
  const buffer: Buffer = {
    name: "b",
    element: elementOf(type, 4),
    from: { kind: "input", index: 1 },
  };
  if (!p.transB) return { buffer, packed: [] };
  const packed = packConstant({
    tensor: problem.constants[1]!,
    input: 1,
    layout: "rows",
    dtype: type.dtype,
    length: p.N * p.depth,
    code: transposeCode(p.N, p.depth),
    fill: (from, to) => transpose(from, to, p.N, p.depth),
  });
  return { buffer: { ...buffer, from: { kind: "packed", index: 0 } as const }, packed: [packed] };
}
