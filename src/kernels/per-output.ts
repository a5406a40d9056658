import { sizeOf } from "../tensor/index.ts";
import { epilogue, type Step } from "./epilogue.ts";
import type { BuildOptions, Dispatch, Problem, Program } from "./kernel.ts";
import {
  type Buffer,
  declare,
  elementOf,
  type Part,
  partCode,
  partsOf,
  spread,
  type Width,
  workgroupArguments,
} from "./wgsl.ts";

const threads = 64;

/** What a thread of a `perOutput` program does. */
interface PerOutput {
  readonly label: string;
  /** The buffers and params that `code` reads. */
  readonly buffers: readonly Buffer[];
  readonly params: Readonly<Record<string, number>>;
  readonly steps: readonly Step[];
  /** Neighbouring elements that a thread computes; 1 where left out. */
  readonly width?: Width;
  /** Operations for each element, where there are many. */
  readonly operations?: number;
  /** WGSL statements that set `value`, of the compute type, for output vector `at`. */
  readonly code: string;
}

/** A tenth of a second at 0.2 TFLOP/s, which cards of the target reach even so. */
const workMax = 2e10;

/** A program in which every thread computes one element, or vector, of the output. */
export function perOutput(problem: Problem, p: PerOutput, options: BuildOptions): Program {
  const size = sizeOf(problem.outputs[0]!.dims);
  const groups = Math.ceil(size / (p.width ?? 1) / threads);
  const parts = partsOf(groups, size * (p.operations ?? 1), workMax);
  return { dispatches: parts.map((part) => dispatchOf(problem, p, part, parts, options)) };
}

function dispatchOf(
  problem: Problem,
  p: PerOutput,
  part: Part,
  parts: readonly Part[],
  options: BuildOptions,
): Dispatch {
  const { width = 1, label } = p;
  const out = problem.outputs[0]!;
  const { index, dynamic } = partCode(part, parts);
  const element = elementOf(out, width);
  const tail = epilogue(p.steps, out, width);
  const count = sizeOf(out.dims) / width;
  const head = declare(
    {
      buffers: [
        ...p.buffers,
        ...tail.buffers,
        { name: "y", element, from: { kind: "output", index: 0 }, write: true },
      ],
      params: { count, ...p.params, ...tail.params },
      ...(dynamic && { dynamic }),
    },
    options,
  );
  const wgsl = `${head.text}
${tail.text}
@compute @workgroup_size(${threads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let at = (${index}) * ${threads}u + lane;
  if (at >= params.count) { return; }
${p.code}
  y[${tail.placed("at")}] = ${element}(epilogue(value, at * ${width}u));
}
`;
  return { label, wgsl, bindings: head.bindings, workgroups: spread(part.count) };
}
