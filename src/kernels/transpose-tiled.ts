import type { TensorType } from "../graph/index.ts";
import { sizeOf, stridesOf } from "../tensor/index.ts";
import { epilogue, stepsOf } from "./epilogue.ts";
import type { Kernel, Problem } from "./kernel.ts";
import { collapse, offsetCode, type Strided } from "./strided.ts";
import { declare, elementOf, onGpu, spread, workgroupArguments, workgroupIndex } from "./wgsl.ts";

/**
 * A transpose seen from its output: axis `a` lies side by side in the input, axis `b` in the
 * output; the other axes are a batch.
 */
interface Swap {
  readonly sizeA: number;
  readonly sizeB: number;
  /** Stride of `a` in the output and of `b` in the input. */
  readonly strideA: number;
  readonly strideB: number;
  readonly batchIn: Strided;
  readonly batchOut: Strided;
}

/** Below this size, most lanes of a tile's row have nothing to do. */
const shortestAxis = 8;

/**
 * Transposes that move the innermost axis, through tiles in workgroup memory, so that both loads
 * and stores run along memory. A tile's row is one element longer than it needs to be: lanes that
 * read a column then hit different banks.
 */
export const transposeTiled: Kernel = {
  name: "transpose-tiled",
  supports(problem) {
    if (!onGpu(problem.inputs[0])) return "transposes float32 and float16 only";
    const swap = swapOf(problem);
    if (!swap) return "the innermost axis stays where it is";
    const { sizeA, sizeB } = swap;
    if (sizeA >= shortestAxis && sizeB >= shortestAxis) return true;
    return `axes of ${sizeA} and ${sizeB} do not fill tiles, which need ${shortestAxis}`;
  },
  configs: () => [
    { tile: 32, rows: 8 },
    { tile: 16, rows: 16 },
    { tile: 16, rows: 4 },
  ],
  fits(config, _problem, device) {
    const { tile, rows } = config as { tile: number; rows: number };
    const lanes = device.maxComputeInvocationsPerWorkgroup;
    if (tile * rows > lanes) return `needs ${tile * rows} invocations, the device has ${lanes}`;
    const bytes = 4 * tile * (tile + 1);
    const most = device.maxComputeWorkgroupStorageSize;
    return bytes <= most || `needs ${bytes} bytes of workgroup memory, the device has ${most}`;
  },
  build(problem, config, options) {
    const { tile, rows } = config as { tile: number; rows: number };
    const swap = swapOf(problem)!;
    const out = problem.outputs[0]!;
    const tail = epilogue(stepsOf(problem), out, 1);
    const load = offsetCode(swap.batchIn, "x", "source", "batch");
    const store = offsetCode(swap.batchOut, "y", "destination", "batch");
    const tilesA = Math.ceil(swap.sizeA / tile);
    const tilesB = Math.ceil(swap.sizeB / tile);
    const tiles = tilesA * tilesB * sizeOf(swap.batchIn.dims);
    const head = declare(
      {
        buffers: [
          { name: "x", element: elementOf(out), from: { kind: "input", index: 0 } },
          ...tail.buffers,
          { name: "y", element: elementOf(out), from: { kind: "output", index: 0 }, write: true },
        ],
        params: {
          tiles,
          tiles_a: tilesA,
          tiles_b: tilesB,
          size_a: swap.sizeA,
          size_b: swap.sizeB,
          stride_a: swap.strideA,
          stride_b: swap.strideB,
          ...load.params,
          ...store.params,
          ...tail.params,
        },
      },
      options,
    );
    const wgsl = `${head.text}
${tail.text}
${tileBody(tile, rows, load.code, store.code, out)}`;
    const label = `${problem.op} tiled ${tile}x${tile}`;
    const { bindings } = head;
    return {
      dispatches: tiles > 0 ? [{ label, wgsl, bindings, workgroups: spread(tiles) }] : [],
    };
  },
};

function tileBody(tile: number, rows: number, load: string, store: string, out: TensorType) {
  const pitch = tile + 1;
  return `var<workgroup> cells: array<f32, ${tile * pitch}>;
@compute @workgroup_size(${tile * rows})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let index = ${workgroupIndex};
  if (index >= params.tiles) { return; }
  let first_b = (index % params.tiles_b) * ${tile}u;
  let first_a = (index / params.tiles_b % params.tiles_a) * ${tile}u;
  let batch = index / params.tiles_b / params.tiles_a;
${load}
${store}
  let column = lane % ${tile}u;
  let row = lane / ${tile}u;
  for (var r = row; r < ${tile}u; r += ${rows}u) {
    let a = first_a + column;
    let b = first_b + r;
    if (a < params.size_a && b < params.size_b) {
      cells[r * ${pitch}u + column] = f32(x[source + a + b * params.stride_b]);
    }
  }
  workgroupBarrier();
  for (var r = row; r < ${tile}u; r += ${rows}u) {
    let a = first_a + r;
    let b = first_b + column;
    if (a < params.size_a && b < params.size_b) {
      let at = destination + a * params.stride_a + b;
      y[at] = ${elementOf(out)}(epilogue(cells[column * ${pitch}u + r], at));
    }
  }
}
`;
}

function swapOf(problem: Problem): Swap | undefined {
  const strides = stridesOf(problem.inputs[0]!.dims);
  const perm = problem.attributes.perm as readonly number[] | null;
  const order = perm ?? strides.map((_, i) => strides.length - 1 - i);
  const walk = collapse({
    dims: problem.outputs[0]!.dims,
    strides: order.map((axis) => strides[axis]!),
  });
  const b = walk.dims.length - 1;
  const a = walk.strides.lastIndexOf(1);
  if (a < 0 || a === b) return undefined;
  const outStrides = stridesOf(walk.dims);
  const batch = walk.dims.map((_, i) => i).filter((i) => i !== a && i !== b);
  const batchDims = batch.map((i) => walk.dims[i]!);
  return {
    sizeA: walk.dims[a]!,
    sizeB: walk.dims[b]!,
    strideA: outStrides[a]!,
    strideB: walk.strides[b]!,
    batchIn: { dims: batchDims, strides: batch.map((i) => walk.strides[i]!) },
    batchOut: { dims: batchDims, strides: batch.map((i) => outStrides[i]!) },
  };
}
