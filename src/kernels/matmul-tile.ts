import { epilogue, stepsAreVectorizable } from "./epilogue.ts";
import {
  type TileCode,
  threadsOf,
  tileBody,
  tileFits,
  tileMemory,
  tileOf,
  tilesFor,
} from "./gemm-tile.ts";
import type { Config, Kernel, Problem } from "./kernel.ts";
import { transpose } from "./matmul-rows.ts";
import { packConstant } from "./pack.ts";
import { type Product, productOfProblem, productSteps } from "./product.ts";
import {
  type Buffer,
  declare,
  elementOf,
  onGpu,
  spread,
  workgroupArguments,
  workgroupIndex,
} from "./wgsl.ts";

/** Matrix product in tiles through workgroup memory, for A of many rows and B stored by rows. */
export const matmulTile: Kernel = {
  name: "matmul-tile",
  supports(problem) {
    if (![...problem.inputs, ...problem.outputs].every(onGpu)) {
      return "computes float32 and float16 only";
    }
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
    const { M, N } = productOfProblem(problem);
    return tilesFor(M, N, device) as readonly unknown[] as readonly Config[];
  },
  fits: (config, _problem, device) => tileFits(tileOf(config), device),
  build(problem, config, options) {
    const p = productOfProblem(problem);
    const t = tileOf(config);
    const out = problem.outputs[0]!;
    const tail = epilogue(productSteps(problem), out, 4);
    const b = operandB(problem, p);
    const across = Math.ceil(p.N / t.tileN);
    const tiles = across * Math.ceil(p.M / t.tileM);
    const head = declare(
      {
        buffers: [
          {
            name: "a",
            element: elementOf(problem.inputs[0]!, 4),
            from: { kind: "input", index: 0 },
          },
          b.buffer,
          ...tail.buffers,
          {
            name: "y",
            element: elementOf(out, 4),
            from: { kind: "output", index: 0 },
            write: true,
          },
        ],
        params: { M: p.M, N4: p.N / 4, depth: p.depth, across, tiles, ...tail.params },
      },
      options,
    );
    const wgsl = `${head.text}
${tileMemory(t)}
${tail.text}
fn loadA(row: u32, col: u32) -> vec4<f32> {
  if (row >= params.M || col >= params.depth / 4u) { return vec4<f32>(); }
  return vec4<f32>(a[row * (params.depth / 4u) + col]);
}
fn loadB(row: u32, col: u32) -> vec4<f32> {
  if (row >= params.depth || col >= params.N4) { return vec4<f32>(); }
  return vec4<f32>(b[row * params.N4 + col]);
}
@compute @workgroup_size(${threadsOf(t)})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let tile = ${workgroupIndex};
  if (tile >= params.tiles) { return; }
  let tileRow = tile / params.across * ${t.tileM}u;
  let tileCol = tile % params.across * ${t.tileN / 4}u;
  let slices = (params.depth + ${t.depth - 1}u) / ${t.depth}u;
${tileBody(t, code(t.depth, elementOf(out, 4)))}}
`;
    return {
      dispatches: [
        {
          label: `matmul ${t.tileM}x${t.tileN}x${t.depth}`,
          wgsl,
          bindings: head.bindings,
          workgroups: spread(tiles),
        },
      ],
      packed: b.packed,
    };
  },
};

function code(depth: number, element: string): TileCode {
  return {
    setup: "  var col = aVec;\n  var rowB = bRow;",
    loadA: (i) => `loadA(tileRow + aRow + ${i}u * aStep, col)`,
    loadB: (i) => `loadB(rowB + ${i}u * bStep, tileCol + bVec)`,
    advance: `col += ${depth / 4}u;\n    rowB += ${depth}u;`,
    store: `if (row < params.M && col < params.N4) {
      let at = row * params.N4 + col;
      y[at] = ${element}(epilogue(value, at * 4u));
    }`,
  };
}

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
    fill: (from, to) => transpose(from, to, p.N, p.depth),
  });
  return { buffer: { ...buffer, from: { kind: "packed", index: 0 } as const }, packed: [packed] };
}
