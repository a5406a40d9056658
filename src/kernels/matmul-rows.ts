import { epilogue } from "./epilogue.ts";
import type { Config, Kernel, Problem } from "./kernel.ts";
import { type PackCode, packConstant } from "./pack.ts";
import { type Product, productOfProblem, productSteps } from "./product.ts";
import { type Buffer, declare, elementOf, needsFloats, workgroupArguments } from "./wgsl.ts";

/**
 * Matrix product for few rows of A, as the last layer of a classifier has: bound by reading B once.
 * A workgroup computes one column for up to `rows` rows; its threads share the sum over the depth,
 * reading B along its rows [N][depth], which is how PyTorch stores a linear layer.
 */
export const matmulRows: Kernel = {
  name: "matmul-rows",
  supports(problem) {
    const floats = needsFloats(problem);
    if (floats !== true) return floats;
    const p = productOfProblem(problem);
    if (p.batch.length > 0 || p.transA) return "needs one matrix A, stored by rows";
    if (!p.transB && !problem.constants[1]) return "needs B stored by columns, or known";
    return true;
  },
  configs(problem, device): readonly Config[] {
    const { M } = productOfProblem(problem);
    const rows = [1, 2, 4, 8].find((r) => r >= M) ?? 8;
    return device.isSoftware
      ? [{ rows, threads: 32 }]
      : [
          { rows, threads: 64 },
          { rows, threads: 128 },
        ];
  },
  fits(config, _problem, { maxComputeInvocationsPerWorkgroup: most }) {
    const threads = config.threads as number;
    return threads <= most || `needs ${threads} threads, the device allows ${most}`;
  },
  build(problem, config, options) {
    const p = productOfProblem(problem);
    const { rows, threads } = config as { rows: number; threads: number };
    const width = p.depth % 4 === 0 ? 4 : 1;
    const out = problem.outputs[0]!;
    const tail = epilogue(productSteps(problem), out, 1);
    const [a] = problem.inputs;
    const b = operandB(problem, p, width);
    const head = declare(
      {
        buffers: [
          { name: "a", element: elementOf(a!, width), from: { kind: "input", index: 0 } },
          b.buffer,
          ...tail.buffers,
          { name: "y", element: elementOf(out), from: { kind: "output", index: 0 }, write: true },
        ],
        params: { M: p.M, N: p.N, depth: p.depth / width, ...tail.params },
      },
      options,
    );
    const each = (text: (i: number) => string) =>
      Array.from({ length: rows }, (_, i) => text(i)).join("\n");
    const T = width === 4 ? "vec4<f32>" : "f32";
    const total = (v: string) => (width === 4 ? `dot(${v}, vec4<f32>(1.0))` : v);
    const wgsl = `${head.text}
var<workgroup> partial: array<f32, ${rows * threads}>;
${tail.text}
@compute @workgroup_size(${threads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let col = workgroup.y * workgroups.x + workgroup.x;
  // The same for the whole workgroup, so that all of it leaves before the barriers.
  if (col >= params.N) { return; }
  let row = workgroup.z * ${rows}u;
${each((i) => `  var sum${i} = ${T}();`)}
${each((i) => `  let from${i} = min(row + ${i}u, params.M - 1u) * params.depth;`)}
  for (var k = lane; k < params.depth; k += ${threads}u) {
    let weight = ${T}(b[col * params.depth + k]);
${each((i) => `    sum${i} = fma(${T}(a[from${i} + k]), weight, sum${i});`)}
  }
${each((i) => `  partial[${i * threads}u + lane] = ${total(`sum${i}`)};`)}
  for (var half = ${threads / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
${each((i) => `      partial[${i * threads}u + lane] += partial[${i * threads}u + lane + half];`)}
    }
  }
  workgroupBarrier();
  if (lane < ${rows}u && row + lane < params.M) {
    let at = (row + lane) * params.N + col;
    y[at] = ${elementOf(out)}(epilogue(partial[lane * ${threads}u], at));
  }
}
`;
    const across = Math.min(p.N, 65535);
    return {
      dispatches: [
        {
          label: `matmul ${rows} rows`,
          wgsl,
          bindings: head.bindings,
          workgroups: [across, Math.ceil(p.N / across), Math.ceil(p.M / rows)],
        },
      ],
      packed: b.packed,
    };
  },
};

/** B stored [N][depth]: as it comes where it is stored so, else packed. */
function operandB(problem: Problem, p: Product, width: 1 | 4) {
  const type = problem.inputs[1]!;
  const buffer: Buffer = {
    name: "b",
    element: elementOf(type, width),
    from: { kind: "input", index: 1 },
  };
  if (p.transB) return { buffer, packed: [] };
  const packed = packConstant({
    tensor: problem.constants[1]!,
    input: 1,
    layout: "columns",
    dtype: type.dtype,
    length: p.N * p.depth,
    code: transposeCode(p.depth, p.N),
    fill: (from, to) => transpose(from, to, p.depth, p.N),
  });
  return { buffer: { ...buffer, from: { kind: "packed", index: 0 } as const }, packed: [packed] };
}

/** `transpose` on a device. */
export function transposeCode(rows: number, cols: number): PackCode {
  const body = "  put(i, element(i % params.rows * params.cols + i / params.rows));";
  return { params: { rows, cols }, count: rows * cols, body };
}

/** Writes a [rows][cols] matrix as [cols][rows], in blocks that fit a CPU's cache. */
export function transpose(
  from: ArrayLike<number>,
  to: { [index: number]: number },
  rows: number,
  cols: number,
): void {
  const block = 32;
  for (let r0 = 0; r0 < rows; r0 += block) {
    for (let c0 = 0; c0 < cols; c0 += block) {
      const r1 = Math.min(rows, r0 + block);
      const c1 = Math.min(cols, c0 + block);
      for (let r = r0; r < r1; r++) {
        for (let c = c0; c < c1; c++) to[c * rows + r] = from[r * cols + c]!;
      }
    }
  }
}
