import { sizeOf } from "../tensor/index.ts";
import { epilogue, type Step, stepsAreVectorizable, stepsOf } from "./epilogue.ts";
import type { BuildOptions, Dispatch, Kernel, Problem } from "./kernel.ts";
import { collapse, isSplat, offsetCode, type Strided, vectorizable } from "./strided.ts";
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

const threads = 64;

/** Elements of a buffer in the order in which a copy visits them; strides may be negative. */
export interface Walk extends Strided {
  readonly offset: number;
}

/** Moves elements of one input to one output, both visited in the same number of steps. */
export interface Copy {
  readonly input: number;
  readonly output: number;
  readonly from: Walk;
  /** Left out: the output is written from end to end. */
  readonly to?: Walk;
}

/** A copy whose walks have as few dimensions as possible. */
interface Plan {
  readonly copy: Copy;
  readonly count: number;
  readonly from: Walk;
  readonly to: Walk;
  readonly steps: readonly Step[];
}

/**
 * A kernel for operators that only move elements: one dispatch for each copy. Fused steps are
 * applied to the first output.
 */
export function stridedCopy(copiesOf: (problem: Problem) => readonly Copy[]): Kernel {
  const plansOf = (problem: Problem) =>
    copiesOf(problem)
      .map((copy) => planOf(copy, problem))
      .filter((plan) => plan.count > 0);
  const widest = (problem: Problem) =>
    Math.max(1, ...plansOf(problem).map((plan) => widestOf(plan, problem)));
  return {
    name: "strided-copy",
    supports(problem) {
      const moved = copiesOf(problem).map((c) => problem.inputs[c.input]);
      return moved.every(onGpu) || "copies float32 and float16 only";
    },
    configs: (problem) => (widest(problem) === 4 ? [{ width: 4 }, { width: 1 }] : [{ width: 1 }]),
    fits: (config, problem) =>
      (config.width as number) <= widest(problem) || "neighbours are not side by side",
    build(problem, config, options) {
      const dispatches = plansOf(problem).map((plan) => {
        const width = Math.min(config.width as Width, widestOf(plan, problem)) as Width;
        return copyDispatch(plan, problem, width, options);
      });
      return { dispatches };
    },
  };
}

function planOf(copy: Copy, problem: Problem): Plan {
  const count = sizeOf(copy.from.dims);
  const to = copy.to ?? { dims: [count], strides: [1], offset: 0 };
  return {
    copy,
    count,
    from: { ...collapse(copy.from), offset: copy.from.offset },
    to: { ...collapse(to), offset: to.offset },
    steps: copy.output === 0 ? stepsOf(problem) : [],
  };
}

function widestOf({ copy, count, from, to, steps }: Plan, problem: Problem): Width {
  const aligned = to.offset % 4 === 0 && (isSplat(from) || from.offset % 4 === 0);
  const ok =
    count % 4 === 0 &&
    aligned &&
    vectorizable(from) &&
    vectorizable(to) &&
    stepsAreVectorizable(steps, problem.outputs[copy.output]!);
  return ok ? 4 : 1;
}

function copyDispatch(plan: Plan, problem: Problem, width: Width, options: BuildOptions): Dispatch {
  const { copy, from, to } = plan;
  const type = problem.outputs[copy.output]!;
  const loadWidth = width === 4 && !isSplat(from) ? 4 : 1;
  const count = plan.count / width;
  const tail = epilogue(plan.steps, type, width);
  const load = offsetCode(from, "x", "source", "at");
  const store = offsetCode(to, "y", "destination", "at");
  const head = declare(
    {
      buffers: [
        {
          name: "x",
          element: elementOf(type, loadWidth),
          from: { kind: "input", index: copy.input },
        },
        ...tail.buffers,
        {
          name: "y",
          element: elementOf(type, width),
          from: { kind: "output", index: copy.output },
          write: true,
        },
      ],
      params: {
        count,
        x_offset: from.offset,
        y_offset: to.offset,
        ...load.params,
        ...store.params,
        ...tail.params,
      },
    },
    options,
  );
  const T = computeType(width);
  const loaded = loadWidth === width ? `${T}(x[source / ${width}u])` : `${T}(f32(x[source]))`;
  const wgsl = `${head.text}
${tail.text}
@compute @workgroup_size(${threads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let i = (${workgroupIndex}) * ${threads}u + lane;
  if (i >= params.count) { return; }
  let at = i * ${width}u;
${load.code}
${store.code}
  source += params.x_offset;
  destination += params.y_offset;
  let value = ${loaded};
  y[destination / ${width}u] = ${elementOf(type, width)}(epilogue(value, destination));
}
`;
  return {
    label: `${problem.op} copy x${width}`,
    wgsl,
    bindings: head.bindings,
    workgroups: spread(Math.ceil(count / threads)),
  };
}
