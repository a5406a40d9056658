import type { TensorType } from "../graph/index.ts";
import { sizeOf } from "../tensor/index.ts";
import { epilogue, type Step, stepsAreVectorizable, stepsOf } from "./epilogue.ts";
import type { BuildOptions, Config, Kernel, Problem, Program } from "./kernel.ts";
import {
  combineFunction,
  combineStorage,
  foldVector,
  type Lanes,
  laneCode,
  laneConfigs,
  lanesFit,
} from "./lanes.ts";
import {
  computeType,
  declare,
  elementOf,
  needsFloats,
  spread,
  type Width,
  workgroupArguments,
  workgroupIndex,
} from "./wgsl.ts";

/** A tensor seen as `outer` x `count` x `inner`, where a row runs along the middle. */
export interface Rows {
  readonly outer: number;
  readonly count: number;
  readonly inner: number;
}

/** One statistic of a row: every element mapped, then combined. */
interface Statistic {
  readonly combine: "+" | "max";
  /** `first` is the first statistic, in the second one. */
  readonly map: (x: string, first: string) => string;
  /** From the combined elements, `count` of them (an f32), to the statistic. */
  readonly finish?: (total: string, count: string) => string;
}

/** An operator that turns each row into another by two statistics of it: softmax, normalization. */
export interface Rowwise {
  readonly name: string;
  readonly rows: (problem: Problem) => Rows;
  readonly first: Statistic;
  readonly second: Statistic;
  readonly result: (x: string, first: string, second: string, problem: Problem) => string;
  /** What a node with more outputs stores for each row. */
  readonly perRow?: (first: string, second: string, problem: Problem) => readonly string[];
  /** Steps on the result before those that were fused: scale and bias. */
  readonly steps?: (problem: Problem) => readonly Step[];
}

/**
 * Each row is made by the lanes of one workgroup, which read it three times: for each statistic
 * and for the result. Lanes side by side read elements side by side, along the row or across rows.
 */
export function rowwiseKernel(rowwise: Rowwise): Kernel {
  return {
    name: rowwise.name,
    supports: needsFloats,
    configs(problem, device) {
      const { count, inner } = rowwise.rows(problem);
      const along = inner === 1;
      const widths: Width[] = widestFor(problem, rowwise) === 4 ? [4, 1] : [1];
      return widths.flatMap((width) => {
        const loads = count / (along ? width : 1);
        return laneConfigs(loads, along, device).map((lanes) => ({ width, ...lanes }));
      });
    },
    fits(config, problem, device) {
      if ((config.width as number) > widestFor(problem, rowwise)) {
        return "elements do not lie four side by side";
      }
      return lanesFit(config, device);
    },
    build: (problem, config, options) => build(rowwise, problem, config, options),
  };
}

const allSteps = (problem: Problem, { steps }: Rowwise): Step[] => [
  ...(steps?.(problem) ?? []),
  ...stepsOf(problem),
];

function widestFor(problem: Problem, rowwise: Rowwise): Width {
  const { count, inner } = rowwise.rows(problem);
  const innermost = inner === 1 ? count : inner;
  const steps = allSteps(problem, rowwise);
  return innermost % 4 === 0 && stepsAreVectorizable(steps, problem.outputs[0]!) ? 4 : 1;
}

function build(rowwise: Rowwise, problem: Problem, config: Config, options: BuildOptions): Program {
  const width = config.width as Width;
  const rows = rowwise.rows(problem);
  const along = rows.inner === 1;
  const lanes: Lanes = { columns: config.columns as number, parts: config.parts as number, along };
  const x = problem.inputs[0]!;
  const [out, ...more] = problem.outputs as readonly [TensorType, ...TensorType[]];
  const tail = epilogue(allSteps(problem, rowwise), out, width);
  const count = along ? rows.count / width : rows.count;
  const inner = along ? 1 : rows.inner / width;
  const head = declare(
    {
      buffers: [
        { name: "x", element: elementOf(x, width), from: { kind: "input", index: 0 } },
        ...tail.buffers,
        ...[out, ...more].map((type, index) => ({
          name: index === 0 ? "y" : `y${index}`,
          element: elementOf(type, index === 0 ? width : 1),
          from: { kind: "output", index } as const,
          write: true,
        })),
      ],
      params: { rows: rows.outer * inner, count, inner, elements: rows.count, ...tail.params },
    },
    options,
  );
  const wgsl = `${head.text}
${tail.text}
${main(rowwise, problem, lanes, width)}`;
  return {
    dispatches: [
      {
        label: `${problem.op} ${lanes.columns}x${lanes.parts} x${width}`,
        wgsl,
        bindings: head.bindings,
        workgroups: spread(Math.ceil(sizeOf(out.dims) / width / count / lanes.columns)),
      },
    ],
  };
}

function main(rowwise: Rowwise, problem: Problem, lanes: Lanes, width: Width): string {
  const T = computeType(width);
  const S = computeType(lanes.along ? 1 : width);
  const { first, second, result } = rowwise;
  const operators = [...new Set([first.combine, second.combine])];
  const functions = operators.map((o) =>
    combineFunction(functionOf[o], lanes, S, (a, b) => combined(o, a, b)),
  );
  return `${combineStorage(lanes, S)}
${functions.join("\n")}
@compute @workgroup_size(${lanes.columns * lanes.parts})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
${laneCode(lanes)}
  let row = (${workgroupIndex}) * ${lanes.columns}u + column;
  // Lanes beyond the last row repeat it, because all must take part in the trees.
  let safe = min(row, params.rows - 1u);
  let base = safe / params.inner * params.inner * params.count + safe % params.inner;
${statisticCode("first", first, lanes, width)}
${statisticCode("second", second, lanes, width)}
  if (row < params.rows) {
    for (var r = part; r < params.count; r += ${lanes.parts}u) {
      let i = base + r * params.inner;
      let value = ${T}(x[i]);
      let changed = ${result("value", "first", "second", problem)};
      y[i] = ${elementOf(problem.outputs[0]!, width)}(epilogue(changed, i * ${width}u));
    }
${perRowCode(rowwise, problem)}
  }
}
`;
}

/** WGSL that stores what further outputs hold for the row. */
function perRowCode({ perRow }: Rowwise, problem: Problem): string {
  const values = perRow?.("first", "second", problem) ?? [];
  return problem.outputs
    .slice(1)
    .map((type, i) => `    if (part == 0u) { y${i + 1}[row] = ${elementOf(type)}(${values[i]}); }`)
    .join("\n");
}

const functionOf = { "+": "add_parts", max: "max_parts" } as const;

const combined = (operator: "+" | "max", a: string, b: string) =>
  operator === "+" ? `${a} + ${b}` : `max(${a}, ${b})`;

/** WGSL that sets `name` to a statistic of the row at `base`. */
function statisticCode(name: string, statistic: Statistic, lanes: Lanes, width: Width): string {
  const T = computeType(width);
  const { combine, map, finish = (total) => total } = statistic;
  const start = combine === "+" ? `${T}(0)` : map(`${T}(x[base])`, "first");
  const total = `${name}_total`;
  const fold = (a: string, b: string) => combined(combine, a, b);
  const share = lanes.along && width === 4 ? foldVector(total, fold) : total;
  const whole = `${functionOf[combine]}(${share}, lane, part)`;
  return `  var ${total} = ${start};
  for (var r = part; r < params.count; r += ${lanes.parts}u) {
    let value = ${T}(x[base + r * params.inner]);
    ${total} = ${fold(total, map("value", "first"))};
  }
  let ${name} = ${finish(whole, "f32(params.elements)")};`;
}
