import { RekindleError } from "../errors.ts";
import type { DeviceTraits, Program } from "../kernels/kernel.ts";
import { checkDispatch, checkValue } from "../session/limits.ts";
import type { NodeProblem } from "../session/plan.ts";
import { estimateWork, submitBudget } from "../session/work.ts";
import { buildOptions, shaderHash } from "../tunings/shader-hash.ts";
import type { Choice } from "../tunings/tuning.ts";

/** One way to compute a problem, not measured yet. */
export interface Candidate extends Choice {
  readonly program: Program;
  /** The hash of its shaders. */
  readonly wgsl: string;
}

/**
 * Every way to compute a problem that the device can run, the default choice first. Kernels take
 * turns, each with its configurations in its own order of preference, which for tiled products is
 * an estimate of their time.
 */
export function candidatesFor(problem: NodeProblem, device: DeviceTraits): Candidate[] {
  const lists = problem.kernels
    .filter((kernel) => kernel.supports(problem.problem) === true)
    .filter((_, i, { length }) => !isSlowFallback(problem, i, length))
    .map((kernel) =>
      kernel
        .configs(problem.problem, device)
        .filter((config) => kernel.fits(config, problem.problem, device) === true)
        .map((config) => ({ kernel, config })),
    );
  const longest = Math.max(0, ...lists.map((list) => list.length));
  const inTurns = Array.from({ length: longest }, (_, i) =>
    lists.flatMap((l) => l[i] ?? []),
  ).flat();
  return inTurns.flatMap((choice) => build(choice, problem, device) ?? []);
}

/**
 * The last kernel takes everything and may be many times slower than those before it: where the
 * work is more than one submission should hold, it is not tried if there are others.
 */
function isSlowFallback({ problem }: NodeProblem, index: number, kernels: number): boolean {
  return kernels > 1 && index === kernels - 1 && estimateWork(problem) > submitBudget.work;
}

/** The program of a choice; undefined where it passes a limit of the device. */
function build(
  choice: Choice,
  { node, problem }: NodeProblem,
  device: DeviceTraits,
): Candidate | undefined {
  const program = choice.kernel.build(problem, choice.config, buildOptions(device));
  try {
    for (const dispatch of program.dispatches) checkDispatch(dispatch, node.name, device);
    for (const bytes of program.scratch ?? []) checkValue("scratch memory", bytes, device);
    for (const { bytes } of program.packed ?? []) checkValue("the weights", bytes, device);
  } catch (error) {
    if (error instanceof RekindleError && error.code === "device-limit") return undefined;
    throw error;
  }
  return { ...choice, program, wgsl: shaderHash(program) };
}
