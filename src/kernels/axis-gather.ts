import { sizeOf, stridesOf } from "../tensor/index.ts";
import { epilogue, stepsAreVectorizable, stepsOf } from "./epilogue.ts";
import type { Binding, Kernel, Packed, Problem } from "./kernel.ts";
import {
  type Buffer,
  computeType,
  declare,
  elementOf,
  onGpu,
  spread,
  type Width,
  workgroupArguments,
  workgroupIndex,
} from "./wgsl.ts";

const threads = 64;

/** Where the elements along one output axis come from: `taps` places of the input axis each. */
export interface AxisTable {
  /** Size of the output axis. */
  readonly size: number;
  readonly taps: number;
  /** `size * taps` places on the input axis; `outside` in the first: the fill value. */
  readonly places: readonly number[];
  /** What each place counts; left out where there is one tap and it counts fully. */
  readonly weights?: readonly number[];
}

/** A place that is not on the input's axis: the output is the fill value. */
export const outside = -1;

/** The first input read along tables, one for each axis; undefined: the axis is kept. */
export interface AxisGather {
  readonly tables: readonly (AxisTable | undefined)[];
  readonly fill: number;
}

/** Neighbouring axes that are kept, or one axis that is read along a table. */
interface Group {
  size: number;
  readonly stride: number;
  readonly table?: AxisTable;
  /** Where the table begins in the packed tables. */
  readonly start: number;
}

/** What the shader holds in a table for `outside`. */
const outsideBits = 0xffffffff;

/**
 * A kernel for operators that treat axes separately: each output element is a weighted sum over
 * the places that the tables name (one place for padding and gathering; two or four along an axis
 * that is interpolated). The tables are made on the CPU in float64.
 */
export function axisGather(gatherOf: (problem: Problem) => AxisGather): Kernel {
  const widest = (problem: Problem) => widestOf(groupsOf(problem, gatherOf(problem)), problem);
  return {
    name: "axis-gather",
    placed: { output: true },
    supports: (problem) => onGpu(problem.inputs[0]) || `${problem.op} of float32 and float16 only`,
    configs: (problem) => (widest(problem) === 4 ? [{ width: 4 }, { width: 1 }] : [{ width: 1 }]),
    fits: (config, problem) =>
      (config.width as number) <= widest(problem) || "neighbours are not side by side",
    build(problem, config, options) {
      const gather = gatherOf(problem);
      const groups = groupsOf(problem, gather);
      const width = config.width as Width;
      const out = problem.outputs[0]!;
      const count = sizeOf(out.dims) / width;
      if (count === 0) return { dispatches: [] };
      const packed = groups.some((g) => g.table) ? [packTables(groups, gather.fill)] : [];
      const table: Buffer[] = packed.map((_, index) => ({
        name: "table",
        element: "u32",
        from: { kind: "packed", index },
      }));
      const tail = epilogue(stepsOf(problem), out, width);
      const body = bodyOf(groups, width);
      const x: Binding = { kind: "input", index: 0 };
      const y: Binding = { kind: "output", index: 0 };
      const head = declare(
        {
          buffers: [
            { name: "x", element: elementOf(out, width), from: x },
            ...table,
            ...tail.buffers,
            { name: "y", element: elementOf(out, width), from: y, write: true },
          ],
          params: { count, ...body.params, ...tail.params },
        },
        options,
      );
      const wgsl = `${head.text}
${tail.text}
${body.text}
@compute @workgroup_size(${threads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let i = (${workgroupIndex}) * ${threads}u + lane;
  if (i >= params.count) { return; }
  let at = i * ${width}u;
  y[${tail.placed("i")}] = ${elementOf(out, width)}(epilogue(gather(at), at));
}
`;
      const label = `${problem.op} axes x${width}`;
      const workgroups = spread(Math.ceil(count / threads));
      return { dispatches: [{ label, wgsl, bindings: head.bindings, workgroups }], packed };
    },
  };
}

function groupsOf(problem: Problem, { tables }: AxisGather): Group[] {
  const { dims } = problem.inputs[0]!;
  const strides = stridesOf(dims);
  const groups: Group[] = [];
  let start = 1;
  tables.forEach((table, axis) => {
    const last = groups[groups.length - 1];
    if (table) {
      groups.push({ size: table.size, stride: strides[axis]!, table, start });
      start += wordsOf(table);
    } else if (last && !last.table) {
      groups[groups.length - 1] = {
        ...last,
        size: last.size * dims[axis]!,
        stride: strides[axis]!,
      };
    } else if (dims[axis] !== 1) {
      groups.push({ size: dims[axis]!, stride: strides[axis]!, start });
    }
  });
  return groups;
}

function widestOf(groups: readonly Group[], problem: Problem): Width {
  const out = problem.outputs[0]!;
  const last = groups[groups.length - 1];
  const ok =
    last !== undefined &&
    !last.table &&
    last.size % 4 === 0 &&
    stepsAreVectorizable(stepsOf(problem), out);
  return ok ? 4 : 1;
}

/**
 * All tables in one buffer: the fill value's bits first (read at run time, since a shader's text
 * cannot hold an infinity), then for each place its offset in elements and its weight, if any.
 */
function packTables(groups: readonly Group[], fill: number): Packed {
  const words = new Uint32Array(groups.reduce((sum, g) => sum + wordsOf(g.table), 1));
  const floats = new Float32Array(words.buffer);
  floats[0] = fill;
  for (const { table, stride, start } of groups) {
    if (!table) continue;
    const { places, weights } = table;
    places.forEach((place, i) => {
      const word = start + i * (weights ? 2 : 1);
      words[word] = place === outside ? outsideBits : place * stride;
      if (weights) floats[word + 1] = weights[i]!;
    });
  }
  const key = `axis tables ${words.join(" ")}`;
  return { bytes: words.byteLength, key, inputs: [], make: () => words };
}

/** How much of the packed tables one table takes. */
function wordsOf(table: AxisTable | undefined): number {
  return table ? table.places.length * (table.weights ? 2 : 1) : 0;
}

/** WGSL `fn gather(at: u32) -> T`: nested loops over the taps of each table. */
function bodyOf(groups: readonly Group[], width: Width) {
  const T = computeType(width);
  const params: Record<string, number> = {};
  const lines = ["  var rest = at;", "  var source0 = 0u;"];
  const tabled: { name: string; group: Group }[] = [];
  groups.forEach((group, i) => {
    params[`dim${i}`] = group.size;
    if (!group.table) params[`stride${i}`] = group.stride;
    else params[`start${i}`] = group.start;
  });
  for (let i = groups.length - 1; i >= 0; i--) {
    const group = groups[i]!;
    lines.push(`  let index${i} = ${i > 0 ? `rest % params.dim${i}` : "rest"};`);
    if (i > 0) lines.push(`  rest /= params.dim${i};`);
    if (!group.table) lines.push(`  source0 += index${i} * params.stride${i};`);
    else tabled.push({ name: `${i}`, group });
  }
  lines.push(...entriesCode(tabled, T), `  var sum = ${T}(0);`);
  const load = `x[source${tabled.length} / ${width}u]`;
  lines.push(...tapsCode(tabled, 0, `${T}(${load})`), "  return sum;");
  return { text: `fn gather(at: u32) -> ${T} {\n${lines.join("\n")}\n}\n`, params };
}

/** Finds each axis's entry in the table, and returns the fill value where it is outside. */
function entriesCode(tabled: readonly { name: string; group: Group }[], T: string): string[] {
  return tabled.flatMap(({ name, group }) => {
    const { taps, weights, places } = group.table!;
    const words = taps * (weights ? 2 : 1);
    const entry = `  let entry${name} = params.start${name} + index${name} * ${words}u;`;
    if (!places.includes(outside)) return [entry];
    return [
      entry,
      `  if (table[entry${name}] == ${outsideBits}u) { return ${T}(bitcast<f32>(table[0])); }`,
    ];
  });
}

function tapsCode(
  tabled: readonly { name: string; group: Group }[],
  depth: number,
  load: string,
): string[] {
  const indent = "  ".repeat(depth + 1);
  if (depth === tabled.length) {
    const weights = tabled.flatMap(({ group }, i) => (group.table!.weights ? [`w${i}`] : []));
    return [`${indent}sum += ${[load, ...weights].join(" * ")};`];
  }
  const { name, group } = tabled[depth]!;
  const { taps, weights } = group.table!;
  const step = weights ? 2 : 1;
  const head = `${indent}for (var t${depth} = 0u; t${depth} < ${taps}u; t${depth}++) {`;
  const place = `entry${name} + t${depth} * ${step}u`;
  const inner = [
    `${indent}  let source${depth + 1} = source${depth} + table[${place}];`,
    ...(weights ? [`${indent}  let w${depth} = bitcast<f32>(table[${place} + 1u]);`] : []),
    ...tapsCode(tabled, depth + 1, load),
  ];
  return [head, ...inner, `${indent}}`];
}
