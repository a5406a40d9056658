import { sizeOf } from "../tensor/index.ts";
import { epilogue, type Step } from "./epilogue.ts";
import type { BuildOptions, Problem, Program } from "./kernel.ts";
import {
  type Buffer,
  declare,
  elementOf,
  spread,
  type Width,
  workgroupArguments,
  workgroupIndex,
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
  /** WGSL statements that set `value`, of the compute type, for output vector `at`. */
  readonly code: string;
}

/** A program in which every thread computes one element, or vector, of the output. */
export function perOutput(problem: Problem, p: PerOutput, options: BuildOptions): Program {
  const { width = 1, label } = p;
  const out = problem.outputs[0]!;
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
    },
    options,
  );
  const wgsl = `${head.text}
${tail.text}
@compute @workgroup_size(${threads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let at = (${workgroupIndex}) * ${threads}u + lane;
  if (at >= params.count) { return; }
${p.code}
  y[at] = ${element}(epilogue(value, at * ${width}u));
}
`;
  const workgroups = spread(Math.ceil(count / threads));
  return { dispatches: [{ label, wgsl, bindings: head.bindings, workgroups }] };
}
