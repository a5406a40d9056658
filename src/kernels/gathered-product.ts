import type { TensorType } from "../graph/index.ts";
import { sizeOf } from "../tensor/index.ts";
import { epilogue, type Step } from "./epilogue.ts";
import type { BuildOptions, Config, DeviceTraits, Dispatch, Problem, Program } from "./kernel.ts";
import { perOutput } from "./per-output.ts";
import {
  type Buffer,
  declare,
  elementOf,
  type Part,
  partCode,
  partsOf,
  spread,
  workgroupArguments,
} from "./wgsl.ts";

/**
 * Matrix products whose operands are gathered element by element through functions, for
 * convolutions whose weights are only known at run time: nothing is packed, any number of channels
 * and any order of axes will do. Each group is one C[rows][cols] = A[rows][depth] B[depth][cols].
 */
export interface GatheredProduct {
  readonly label: string;
  readonly groups: number;
  readonly rows: number;
  readonly cols: number;
  readonly depth: number;
  /** The buffers, params and declarations that the functions read. */
  readonly buffers: readonly Buffer[];
  readonly params: Readonly<Record<string, number>>;
  readonly declarations?: string;
  /** WGSL of `fn loadA(group: u32, row: u32, k: u32) -> f32`, called inside of A only. */
  readonly loadA: string;
  /** WGSL of `fn loadB(group: u32, k: u32, col: u32) -> f32`, likewise. */
  readonly loadB: string;
  /**
   * WGSL of `fn placeOf(group: u32, row: u32, col: u32) -> u32`: where an element is stored in the
   * output; from `nowhere` on it is left out.
   */
  readonly placeOf: string;
  /** The index along which neighbours lie side by side in memory. */
  readonly along: { readonly a: "row" | "depth"; readonly b: "col" | "depth" };
  readonly steps: readonly Step[];
}

/** What `placeOf` gives for elements that are not stored. */
export const nowhere = "0xffffffffu";

/** Elements that a thread computes, down and across. */
const own = 4;

interface GatheredConfig {
  /** Rows and columns of C that a workgroup computes. */
  readonly tile: number;
  /** Depth of the slices of A and B that pass through workgroup memory. */
  readonly slice: number;
  /** Parts that the sum is cut into, computed side by side and added up by a second dispatch. */
  readonly parts: number;
}

/** Partial sums may take so much memory. */
const partBytesMax = 64 * 2 ** 20;

type Size = Pick<GatheredProduct, "groups" | "rows" | "cols" | "depth">;

/** Tiles for a product, best guess first; the sum is cut where tiles alone leave cores idle. */
export function gatheredConfigs(
  size: Size,
  out: TensorType,
  device: DeviceTraits,
): readonly Config[] {
  const tiles = device.isSoftware ? [{ tile: 32, slice: 8 }] : [{ tile: 64, slice: 16 }];
  if (!device.isSoftware) tiles.push({ tile: 32, slice: 16 });
  const configs = tiles.map(({ tile, slice }): GatheredConfig => {
    const workgroups = size.groups * Math.ceil(size.rows / tile) * Math.ceil(size.cols / tile);
    const wanted = Math.ceil((4 * device.cores) / workgroups);
    const deepest = Math.floor(size.depth / (8 * slice));
    const most = Math.floor(partBytesMax / (4 * sizeOf(out.dims)));
    return { tile, slice, parts: Math.max(1, Math.min(wanted, deepest, most)) };
  });
  const small = Math.min(size.rows, size.cols) <= 32;
  return (small ? configs.reverse() : configs) as readonly unknown[] as readonly Config[];
}

export function gatheredFits(config: Config, device: DeviceTraits): true | string {
  const { tile } = config as unknown as GatheredConfig;
  const threads = (tile / own) ** 2;
  const most = Math.min(device.maxComputeInvocationsPerWorkgroup, device.maxComputeWorkgroupSizeX);
  return threads <= most || `needs ${threads} threads in a workgroup, the device has ${most}`;
}

/** A tenth of a second at 0.2 TFLOP/s, which these plain loads should leave of any RDNA1 card. */
const workMaxOfDispatch = 2e10;

/**
 * The program of a gathered product. Sums are made in a fixed order, so that runs repeat. No
 * dispatch does much more than `workMax` floating-point operations.
 */
export function gatheredProgram(
  problem: Problem,
  p: GatheredProduct,
  config: Config,
  options: BuildOptions,
  workMax = workMaxOfDispatch,
): Program {
  const c = config as unknown as GatheredConfig;
  const work = 2 * p.groups * p.rows * p.cols * p.depth;
  const stretches = partsOf(workgroupsOf(p, c).perPart * c.parts, work, workMax);
  const products = stretches.map((stretch) => {
    return productDispatch(problem, p, c, stretch, partCode(stretch, stretches), options);
  });
  if (c.parts === 1) return { dispatches: products };
  const count = sizeOf(problem.outputs[0]!.dims);
  const sum = perOutput(
    problem,
    {
      label: `${p.label} sum of ${c.parts}`,
      buffers: [partial(false)],
      params: { parts: c.parts },
      steps: p.steps,
      code: `  var value = 0.0;
  for (var part = 0u; part < params.parts; part++) {
    value += partial[part * params.count + at];
  }`,
    },
    options,
  );
  return { dispatches: [...products, ...sum.dispatches], scratch: [4 * c.parts * count] };
}

const partial = (write: boolean): Buffer => ({
  name: "partial",
  element: "f32",
  from: { kind: "scratch", index: 0 },
  write,
});

/** Workgroups across, in a group and in a part of the sum. */
function workgroupsOf(p: GatheredProduct, { tile }: GatheredConfig) {
  const across = Math.ceil(p.cols / tile);
  const perGroup = across * Math.ceil(p.rows / tile);
  return { across, perGroup, perPart: perGroup * p.groups };
}

function productDispatch(
  problem: Problem,
  p: GatheredProduct,
  config: GatheredConfig,
  stretch: Part,
  { index, dynamic }: ReturnType<typeof partCode>,
  options: BuildOptions,
): Dispatch {
  const { tile, slice, parts } = config;
  const out = problem.outputs[0]!;
  const isWhole = parts === 1;
  const tail = isWhole ? epilogue(p.steps, out, 1) : undefined;
  const element = elementOf(out);
  const result: Buffer = isWhole
    ? { name: "y", element, from: { kind: "output", index: 0 }, write: true }
    : partial(true);
  const { across, perGroup, perPart } = workgroupsOf(p, config);
  const slices = Math.ceil(p.depth / slice);
  const head = declare(
    {
      buffers: [...p.buffers, ...(tail?.buffers ?? []), result],
      params: {
        ...{ rows: p.rows, cols: p.cols, depth: p.depth, across, perGroup, perPart },
        ...{ tiles: perPart * parts, slices, slicesPerPart: Math.ceil(slices / parts) },
        ...{ count: sizeOf(out.dims), ...p.params, ...tail?.params },
      },
      ...(dynamic && { dynamic }),
    },
    options,
  );
  const target = tail
    ? `y[${tail.placed("place")}] = ${element}(epilogue(value, place));`
    : "partial[part * params.count + place] = value;";
  const wgsl = `${head.text}
${tail?.text ?? ""}
${p.declarations ?? ""}
${p.loadA}
${p.loadB}
${p.placeOf}
fn store(part: u32, group: u32, row: u32, col: u32, value: f32) {
  if (row >= params.rows || col >= params.cols) { return; }
  let place = placeOf(group, row, col);
  if (place == ${nowhere}) { return; }
  ${target}
}
${body(p, tile, slice, index)}`;
  const label = `${p.label} ${tile}x${tile}x${slice}${isWhole ? "" : ` in ${parts}`}`;
  return { label, wgsl, bindings: head.bindings, workgroups: spread(stretch.count) };
}

/** WGSL of `main`. Workgroup memory holds four rows or columns side by side, by depth. */
function body(p: GatheredProduct, tile: number, slice: number, index: string): string {
  const threads = (tile / own) ** 2;
  const line = tile / own + 1;
  const share = (name: string, along: boolean, within: string, load: string) => `
    for (var e = lane; e < ${tile * slice}u; e += ${threads}u) {
      let i = ${along ? `e % ${tile}u` : `e / ${slice}u`};
      let k = first + ${along ? `e / ${tile}u` : `e % ${slice}u`};
      var value = 0.0;
      if (${within} && k < params.depth) { value = ${load}; }
      ${name}[(k - first) * ${line}u + i / 4u][i % 4u] = value;
    }`;
  return `var<workgroup> sharedA: array<vec4<f32>, ${line * slice}>;
var<workgroup> sharedB: array<vec4<f32>, ${line * slice}>;
@compute @workgroup_size(${threads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let index = ${index};
  if (index >= params.tiles) { return; }
  let part = index / params.perPart;
  let group = index % params.perPart / params.perGroup;
  let tileRow = index % params.perGroup / params.across * ${tile}u;
  let tileCol = index % params.across * ${tile}u;
  let tx = lane % ${tile / own}u;
  let ty = lane / ${tile / own}u;
  ${each(own, (i) => `var sum${i} = vec4<f32>();`)}
  let lastSlice = min((part + 1u) * params.slicesPerPart, params.slices);
  for (var s = part * params.slicesPerPart; s < lastSlice; s++) {
    let first = s * ${slice}u;${share(
      "sharedA",
      p.along.a === "row",
      "tileRow + i < params.rows",
      "loadA(group, tileRow + i, k)",
    )}${share(
      "sharedB",
      p.along.b === "col",
      "tileCol + i < params.cols",
      "loadB(group, k, tileCol + i)",
    )}
    workgroupBarrier();
    for (var k = 0u; k < ${slice}u; k++) {
      let a = sharedA[k * ${line}u + ty];
      let b = sharedB[k * ${line}u + tx];
      ${each(own, (i) => `sum${i} = fma(vec4<f32>(a[${i}]), b, sum${i});`)}
    }
    workgroupBarrier();
  }
  let row = tileRow + ty * 4u;
  let col = tileCol + tx * 4u;
  ${each(own, (i) => each(own, (j) => keep(i, j)))}
}
`;
}

const keep = (i: number, j: number): string =>
  `store(part, group, row + ${i}u, col + ${j}u, sum${i}[${j}]);`;

const each = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n  ");
