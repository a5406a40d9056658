import { epilogue, type Step, sharedSteps } from "./epilogue.ts";
import { type Tile, type TileCode, threadsOf, tileBody, tileMemory } from "./gemm-tile.ts";
import type { BuildOptions, Dispatch, PlacedType, Program } from "./kernel.ts";
import {
  type Buffer,
  declare,
  elementOf,
  type Part,
  partCode,
  partsOf,
  spread,
  workgroupArguments,
  workgroupIndex,
} from "./wgsl.ts";

/** A matrix product in tiles: what its operands are and how they are loaded. */
export interface TiledProduct {
  readonly label: string;
  /** Rows of the result; vectors of four columns of it in each of `groups` independent products. */
  readonly rows: number;
  readonly cols: number;
  readonly groups: number;
  /** Length of the sum. */
  readonly depth: number;
  /** The buffers of A and B, the params and functions that `code` uses. */
  readonly operands: readonly Buffer[];
  readonly params: Readonly<Record<string, number>>;
  readonly functions: string;
  readonly code: Omit<TileCode, "store">;
  readonly steps: readonly Step[];
  readonly out: PlacedType;
  /** Where the result goes, if not to the node's output; then sums are not split. */
  readonly into?: Buffer;
}

/** Tiles of all groups and splits: one workgroup each. */
const tilesOf = (p: TiledProduct, t: Tile) => {
  const across = Math.ceil((p.cols * 4) / t.tileN);
  const perGroup = across * Math.ceil(p.rows / t.tileM);
  return { across, perGroup, perSplit: perGroup * p.groups };
};

/**
 * The program of a tiled product. With `t.splits` above 1 the sum is cut into parts that workgroups
 * compute side by side (split-K), and a second dispatch adds them up: for results too small to
 * occupy a GPU otherwise. The order of additions is fixed, so runs repeat bit for bit.
 */
export function tiledProgram(p: TiledProduct, t: Tile, options: BuildOptions): Program {
  const work = 8 * p.rows * p.cols * p.groups * p.depth;
  const specialize = options.specialize && paysToSpecialize(work);
  const parts = partsOf(tilesOf(p, t).perSplit * t.splits, work, workMax);
  const products = parts.map((part) => product(p, t, part, parts, { ...options, specialize }));
  if (t.splits === 1) return { dispatches: products };
  const bytes = 16 * t.splits * p.rows * p.groups * p.cols;
  // Sums wait for memory, so constant sizes gain nothing.
  const added = sum(p, t, { ...options, specialize: false });
  return { dispatches: [...products, added], scratch: [bytes] };
}

/**
 * Whether constant sizes pay for a product of so many operations. On an H100 they make large ones
 * 7 % faster, and small ones no faster; but then every size has a shader of its own, and a network
 * of small products takes twice as long to start.
 */
export const paysToSpecialize = (operations: number): boolean => operations >= 5e8;

/** A tenth of a second at 2 TFLOP/s: a third of what RDNA1 cards are predicted to reach. */
const workMax = 2e11;

function product(
  p: TiledProduct,
  t: Tile,
  part: Part,
  parts: readonly Part[],
  options: BuildOptions,
): Dispatch {
  const { index, dynamic } = partCode(part, parts);
  const isWhole = t.splits === 1;
  const steps = options.specialize ? p.steps : sharedSteps(p.steps, p.out);
  const tail = isWhole ? epilogue(steps, p.out, 4) : undefined;
  const { across, perGroup, perSplit } = tilesOf(p, t);
  const slices = Math.ceil(p.depth / t.depth);
  const result: Buffer = isWhole ? (p.into ?? outputOf(p)) : partialSums(true);
  const head = declare(
    {
      buffers: [...p.operands, ...(tail?.buffers ?? []), result],
      params: {
        rows: p.rows,
        cols: p.cols,
        /** Vectors in a row of the result. */
        width: p.groups * p.cols,
        depth: p.depth,
        tiles: perSplit * t.splits,
        tilesAcross: across,
        tilesPerGroup: perGroup,
        tilesPerSplit: perSplit,
        slices,
        slicesPerSplit: Math.ceil(slices / t.splits),
        ...p.params,
        ...tail?.params,
      },
      ...(dynamic && { dynamic }),
      enables: t.wave ? ["subgroups", "subgroup_size_control"] : [],
    },
    options,
  );
  const store = tail
    ? `${result.name}[${tail.placed("at")}] = ${elementOf(p.out, 4)}(epilogue(value, at * 4u));`
    : "partial[split * params.rows * params.width + at] = value;";
  const code: TileCode = {
    ...p.code,
    store: `if (row < params.rows && col < params.cols) {
      let at = row * params.width + group * params.cols + col;
      ${store}
    }`,
  };
  const wgsl = `${head.text}
${tileMemory(t)}
${tail?.text ?? ""}
${p.functions}
@compute @workgroup_size(${threadsOf(t)})${t.wave ? ` @subgroup_size(${t.wave})` : ""}
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let tile = ${index};
  if (tile >= params.tiles) { return; }
  let split = tile / params.tilesPerSplit;
  let group = tile % params.tilesPerSplit / params.tilesPerGroup;
  let tileRow = tile % params.tilesPerGroup / params.tilesAcross * ${t.tileM}u;
  let tileCol = tile % params.tilesAcross * ${t.tileN / 4}u;
  let firstSlice = split * params.slicesPerSplit;
  let lastSlice = min(firstSlice + params.slicesPerSplit, params.slices);
${tileBody(t, code)}}
`;
  return {
    label: `${p.label} ${t.tileM}x${t.tileN}x${t.depth}${isWhole ? "" : ` in ${t.splits}`}`,
    wgsl,
    bindings: head.bindings,
    workgroups: spread(part.count),
  };
}

const sumThreads = 64;

/** Adds the parts of a split sum up, then applies the fused steps. */
function sum(p: TiledProduct, t: Tile, options: BuildOptions): Dispatch {
  const tail = epilogue(sharedSteps(p.steps, p.out), p.out, 4);
  const count = p.rows * p.groups * p.cols;
  const head = declare(
    {
      buffers: [partialSums(false), ...tail.buffers, outputOf(p)],
      params: { count, splits: t.splits, ...tail.params },
    },
    options,
  );
  const wgsl = `${head.text}
${tail.text}
@compute @workgroup_size(${sumThreads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let at = (${workgroupIndex}) * ${sumThreads}u + lane;
  if (at >= params.count) { return; }
  var value = partial[at];
  for (var split = 1u; split < params.splits; split++) {
    value += partial[split * params.count + at];
  }
  y[${tail.placed("at")}] = ${elementOf(p.out, 4)}(epilogue(value, at * 4u));
}
`;
  return {
    label: `${p.label} sum of ${t.splits}`,
    wgsl,
    bindings: head.bindings,
    workgroups: spread(Math.ceil(count / sumThreads)),
  };
}

const outputOf = ({ out }: TiledProduct): Buffer => ({
  name: "y",
  element: elementOf(out, 4),
  from: { kind: "output", index: 0 },
  write: true,
});

const partialSums = (write: boolean): Buffer => ({
  name: "partial",
  element: "vec4<f32>",
  from: { kind: "scratch", index: 0 },
  write,
});
