import { sizeOf } from "../tensor/index.ts";
import { epilogue, type Step, stepsAreVectorizable, stepsOf } from "./epilogue.ts";
import type { Kernel, Problem } from "./kernel.ts";
import { broadcastWalk, isSplat, offsetCode, vectorizable } from "./strided.ts";
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

/** Pointwise operators of one or more inputs with broadcasting, and whatever is fused to them. */
export const elementwise: Kernel = {
  name: "elementwise",
  supports(problem) {
    if (![...problem.inputs, ...problem.outputs].every(onGpu)) {
      return "computes float32 and float16 only";
    }
    return problem.pointwise ? true : `${problem.op} has no pointwise form`;
  },
  configs(problem) {
    return widest(problem) === 4 ? [{ width: 4 }, { width: 1 }] : [{ width: 1 }];
  },
  fits(config, problem) {
    return (config.width as number) <= widest(problem) || "neighbours are not side by side";
  },
  build(problem, config, options) {
    const width = config.width as Width;
    const out = problem.outputs[0]!;
    const x = problem.inputs[0]!;
    const walk = broadcastWalk(x.dims, out.dims);
    const loadWidth = width === 4 && !isSplat(walk) ? 4 : 1;
    const tail = epilogue(allSteps(problem), out, width);
    const load = offsetCode(walk, "x", "source", "at");
    const count = Math.ceil(sizeOf(out.dims) / width);
    const head = declare(
      {
        buffers: [
          { name: "x", element: elementOf(x, loadWidth), from: { kind: "input", index: 0 } },
          ...tail.buffers,
          {
            name: "y",
            element: elementOf(out, width),
            from: { kind: "output", index: 0 },
            write: true,
          },
        ],
        params: { count, ...load.params, ...tail.params },
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
${load.code}
  let value = ${computeType(width)}(x[source${loadWidth === 4 ? " / 4u" : ""}]);
  y[i] = ${elementOf(out, width)}(epilogue(value, at));
}
`;
    return {
      dispatches: [
        {
          label: `${problem.op} x${width}`,
          wgsl,
          bindings: head.bindings,
          workgroups: spread(Math.ceil(count / threads)),
        },
      ],
    };
  },
};

/** The operator itself, its further inputs folded in from left to right, then the fused steps. */
function allSteps(problem: Problem): Step[] {
  const expression = problem.pointwise!;
  const rest = problem.inputs.slice(1);
  if (rest.length === 0) return [{ expression }, ...stepsOf(problem)];
  const own = rest.flatMap((type, i): Step[] =>
    type ? [{ expression, operand: { type, from: { kind: "input", index: i + 1 } } }] : [],
  );
  return [...own, ...stepsOf(problem)];
}

function widest(problem: Problem): Width {
  const out = problem.outputs[0]!;
  const ok =
    sizeOf(out.dims) % 4 === 0 &&
    vectorizable(broadcastWalk(problem.inputs[0]!.dims, out.dims)) &&
    stepsAreVectorizable(allSteps(problem), out);
  return ok ? 4 : 1;
}
