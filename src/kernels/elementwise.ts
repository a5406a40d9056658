import { sizeOf } from "../tensor/index.ts";
import { epilogue, type Step, stepsAreVectorizable, stepsOf } from "./epilogue.ts";
import type { BuildOptions, Dispatch, Kernel, Problem } from "./kernel.ts";
import { broadcastWalk, isSplat, offsetCode, vectorizable } from "./strided.ts";
import {
  type Buffer,
  computeType,
  declare,
  elementOf,
  needsFloats,
  spread,
  type Width,
  workgroupArguments,
  workgroupIndex,
} from "./wgsl.ts";

const threads = 64;

/** With the first input and the output this makes 8 buffers, which every WebGPU device binds. */
const operandsMax = 6;

/**
 * A kernel that applies steps, one after the other, to each element of the first input (broadcast
 * to the output), and then whatever is fused to the node. `refuses` gives a reason not to.
 */
export function elementwiseOf(
  name: string,
  ownSteps: (problem: Problem) => readonly Step[],
  refuses: (problem: Problem) => string | undefined = () => undefined,
): Kernel {
  const steps = (problem: Problem) => [...ownSteps(problem), ...stepsOf(problem)];
  return {
    name,
    placed: { output: true, inputs: "first" },
    supports(problem) {
      const floats = needsFloats(problem);
      if (floats !== true) return floats;
      return refuses(problem) ?? true;
    },
    configs(problem) {
      const widest = widestFor(problem, steps(problem));
      return widest === 4 ? [{ width: 4 }, { width: 1 }] : [{ width: 1 }];
    },
    fits(config, problem) {
      const widest = widestFor(problem, steps(problem));
      return (config.width as number) <= widest || "neighbours are not side by side";
    },
    build(problem, config, options) {
      const width = config.width as Width;
      const dispatches = batches(steps(problem)).map((batch, i) =>
        pass(problem, batch, i === 0, width, options),
      );
      return { dispatches };
    },
  };
}

/** Pointwise operators of one or more inputs with broadcasting. */
export const elementwise: Kernel = elementwiseOf("elementwise", operatorSteps, (problem) =>
  problem.pointwise ? undefined : `${problem.op} has no pointwise form`,
);

/** The operator itself, its further inputs folded in from left to right. */
function operatorSteps(problem: Problem): Step[] {
  const expression = problem.pointwise!;
  const rest = problem.inputs.slice(1);
  if (rest.length === 0) return [{ expression }];
  return rest.flatMap((type, i): Step[] =>
    type ? [{ expression, operand: { type, from: { kind: "input", index: i + 1 } } }] : [],
  );
}

function widestFor(problem: Problem, steps: readonly Step[]): Width {
  const out = problem.outputs[0]!;
  const ok =
    sizeOf(out.dims) % 4 === 0 &&
    vectorizable(broadcastWalk(problem.inputs[0]!.dims, out.dims)) &&
    stepsAreVectorizable(steps, out);
  return ok ? 4 : 1;
}

/** Splits the steps so that no dispatch binds more buffers than every device can. */
function batches(steps: readonly Step[]): Step[][] {
  const result: Step[][] = [[]];
  let operands = 0;
  for (const step of steps) {
    if (step.operand && operands++ === operandsMax) {
      result.push([]);
      operands = 1;
    }
    result.at(-1)!.push(step);
  }
  return result;
}

/** One dispatch: starts from the first input, or goes on with what is in the output already. */
function pass(
  problem: Problem,
  steps: readonly Step[],
  isFirst: boolean,
  width: Width,
  options: BuildOptions,
): Dispatch {
  const out = problem.outputs[0]!;
  const tail = epilogue(steps, out, width);
  const start = isFirst
    ? loadOf(problem, width)
    : { code: "", params: {}, value: `y[${tail.placed("i")}]`, buffers: [] };
  const count = Math.ceil(sizeOf(out.dims) / width);
  const element = elementOf(out, width);
  const y: Buffer = { name: "y", element, from: { kind: "output", index: 0 }, write: true };
  const head = declare(
    {
      buffers: [...start.buffers, ...tail.buffers, y],
      params: { count, ...start.params, ...tail.params },
    },
    options,
  );
  const wgsl = `${head.text}
${tail.text}
@compute @workgroup_size(${threads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let i = (${workgroupIndex}) * ${threads}u + lane;
  if (i >= params.count) { return; }
  let at = i * ${width}u;
${start.code}
  let value = ${computeType(width)}(${start.value});
  y[${tail.placed("i")}] = ${element}(epilogue(value, at));
}
`;
  return {
    label: `${problem.op} x${width}`,
    wgsl,
    bindings: head.bindings,
    workgroups: spread(Math.ceil(count / threads)),
  };
}

/** How the first input is read along the output. */
function loadOf(problem: Problem, width: Width) {
  const x = problem.inputs[0]!;
  const walk = broadcastWalk(x.dims, problem.outputs[0]!.dims, x.place);
  const loadWidth = width === 4 && !isSplat(walk) ? 4 : 1;
  const { code, params } = offsetCode(walk, "x", "source", "at");
  const buffer: Buffer = {
    name: "x",
    element: elementOf(x, loadWidth),
    from: { kind: "input", index: 0 },
  };
  return {
    code: x.place ? `${code}\n  source += params.x_first;` : code,
    params: { ...params, ...(x.place && { x_first: x.place.first }) },
    value: loadWidth === 4 ? "x[source / 4u]" : "f32(x[source])",
    buffers: [buffer],
  };
}
