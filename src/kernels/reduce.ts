import { type Shape, sizeOf, stridesOf } from "../tensor/index.ts";
import { epilogue, stepsAreVectorizable, stepsOf } from "./epilogue.ts";
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
import { literal } from "./literal.ts";
import { collapse, offsetCode, type Strided, vectorizable } from "./strided.ts";
import {
  computeType,
  declare,
  elementOf,
  onGpu,
  spread,
  type Width,
  workgroupArguments,
  workgroupIndex,
} from "./wgsl.ts";

/** A reduction in WGSL. Expressions must hold for f32 and for vec4<f32>. */
export interface Reduction {
  readonly name: string;
  /** What combining starts from; "first" takes an element (for minimum and maximum). */
  readonly start: number | "first";
  /** What is done to each element first. */
  readonly map?: (x: string) => string;
  readonly combine: (a: string, b: string) => string;
  /** From the combined elements, `count` of them, to the result. */
  readonly finish?: (total: string, count: string) => string;
}

/** How the input is walked: to each result along `kept`, to its elements along `reduced`. */
interface Plan {
  readonly kept: Strided;
  readonly reduced: Strided;
  /** The elements of one result lie side by side; else neighbouring results do. */
  readonly along: boolean;
  readonly widest: Width;
}

/**
 * Reduces any axes, those that `axesOf` gives (counted from the front, ascending). Walks of all
 * axes are collapsed first; lanes side by side read elements side by side. Each result is made by
 * the lanes of one workgroup: first each its share, then a tree in workgroup memory.
 */
export function reduceKernel(reduction: Reduction, axesOf: (p: Problem) => readonly number[]) {
  const planFor = (problem: Problem) => planOf(problem, axesOf(problem));
  const kernel: Kernel = {
    name: `reduce-${reduction.name}`,
    supports: ({ inputs, outputs }) =>
      [inputs[0], ...outputs].every(onGpu) || "computes float32 and float16 only",
    configs(problem, device) {
      const { reduced, along, widest } = planFor(problem);
      const widths: Width[] = widest === 4 ? [4, 1] : [1];
      return widths.flatMap((width) => {
        const count = sizeOf(reduced.dims) / (along ? width : 1);
        return laneConfigs(count, along, device).map((lanes) => ({ width, ...lanes }));
      });
    },
    fits(config, problem, device) {
      if ((config.width as number) > planFor(problem).widest) {
        return "elements do not lie four side by side";
      }
      return lanesFit(config, device);
    },
    build: (problem, config, options) =>
      build(problem, reduction, planFor(problem), config, options),
  };
  return kernel;
}

function planOf(problem: Problem, axes: readonly number[]): Plan {
  const { dims } = problem.inputs[0]!;
  const kept = walkOf(dims, (axis) => !axes.includes(axis));
  const reduced = walkOf(dims, (axis) => axes.includes(axis));
  const along = kept.strides.at(-1) !== 1;
  const [inner, outer] = along ? [reduced, kept] : [kept, reduced];
  const vectors =
    inner.dims.length > 0 &&
    vectorizable(inner) &&
    outer.strides.every((stride) => stride % 4 === 0) &&
    (along || stepsAreVectorizable(stepsOf(problem), problem.outputs[0]!));
  return { kept, reduced, along, widest: vectors ? 4 : 1 };
}

function walkOf(dims: Shape, wanted: (axis: number) => boolean): Strided {
  const strides = stridesOf(dims);
  return collapse({
    dims: dims.filter((_, axis) => wanted(axis)),
    strides: strides.filter((_, axis) => wanted(axis)),
  });
}

function build(
  problem: Problem,
  reduction: Reduction,
  { kept, reduced, along }: Plan,
  config: Config,
  options: BuildOptions,
): Program {
  const width = config.width as Width;
  const lanes: Lanes = {
    columns: config.columns as number,
    parts: config.parts as number,
    along,
  };
  const out = problem.outputs[0]!;
  const outWidth = along ? 1 : width;
  const stepWidth = along ? width : 1;
  const rows = sizeOf(kept.dims) / outWidth;
  const elements = sizeOf(reduced.dims);
  const tail = epilogue(stepsOf(problem), out, outWidth);
  const base = offsetCode(kept, "kept", "base", "at");
  const step = offsetCode(reduced, "reduced", "step", `(r * ${stepWidth}u)`);
  const head = declare(
    {
      buffers: [
        { name: "x", element: elementOf(problem.inputs[0]!, width), from: input },
        ...tail.buffers,
        { name: "y", element: elementOf(out, outWidth), from: output, write: true },
      ],
      params: {
        rows,
        count: elements / stepWidth,
        elements,
        ...base.params,
        ...step.params,
        ...tail.params,
      },
    },
    options,
  );
  const body = { reduction, width, outWidth, lanes, base: base.code, step: step.code } as const;
  const wgsl = `${head.text}
${tail.text}
${main(body, elementOf(out, outWidth))}`;
  return {
    dispatches: [
      {
        label: `${problem.op} ${lanes.columns}x${lanes.parts} x${width}`,
        wgsl,
        bindings: head.bindings,
        workgroups: spread(Math.ceil(rows / lanes.columns)),
      },
    ],
  };
}

const input = { kind: "input", index: 0 } as const;
const output = { kind: "output", index: 0 } as const;

interface Body {
  readonly reduction: Reduction;
  readonly width: Width;
  readonly outWidth: Width;
  readonly lanes: Lanes;
  /** WGSL that sets `base` from `at`, and `step` from `r`. */
  readonly base: string;
  readonly step: string;
}

function main(body: Body, outElement: string): string {
  const { reduction, width, outWidth, lanes } = body;
  const { combine, start, map = (x) => x, finish = (total) => total } = reduction;
  const T = computeType(width);
  const result = computeType(outWidth);
  const at = (offset: string) => `${T}(x[${width === 4 ? `(${offset}) / 4u` : offset}])`;
  const first = start === "first" ? map(at("base")) : `${T}(${literal(start)})`;
  return `${combineStorage(lanes, result)}
${combineFunction("combine_parts", lanes, result, combine)}
@compute @workgroup_size(${lanes.columns * lanes.parts})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
${laneCode(lanes)}
  let row = (${workgroupIndex}) * ${lanes.columns}u + column;
  // Lanes beyond the last result repeat it, because all must take part in the tree.
  let at = min(row, params.rows - 1u) * ${outWidth}u;
${body.base}
  var total = ${first};
  for (var r = part; r < params.count; r += ${lanes.parts}u) {
  ${body.step.replaceAll("\n", "\n  ")}
    let value = ${at("base + step")};
    total = ${combine("total", map("value"))};
  }
  let share = ${width > outWidth ? foldVector("total", combine) : "total"};
  let whole = combine_parts(share, lane, part);
  if (part == 0u && row < params.rows) {
    let value = ${finish("whole", "f32(params.elements)")};
    y[row] = ${outElement}(epilogue(value, at));
  }
}
`;
}
