import type { Gpu } from "../gpu/index.ts";
import type { Graph } from "../graph/index.ts";
import { flopOfNode } from "../ops/flop.ts";
import { optimize, resolve } from "../passes/index.ts";
import { Executable, type ReadyDispatch } from "../session/executable.ts";
import { makePlan, problemsOf } from "../session/plan.ts";
import type { Precision } from "../session/types.ts";
import { WeightStore } from "../session/weights.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Lookup } from "../tunings/tuning.ts";
import { bytesOfProblem } from "./cost.ts";
import { boundMs, type Roofline } from "./roofline.ts";
import { type Spread, spreadOf } from "./statistics.ts";
import { type TimingOptions, timePrograms } from "./time-program.ts";
import type { Timeable } from "./timer.ts";

/** One node of a network as it runs: what it does, and what it takes. */
export interface LayerTime {
  readonly name: string;
  readonly op: string;
  /** What its dispatches are called, each name once. */
  readonly labels: readonly string[];
  readonly dispatches: number;
  /** Shape of its first output as it lies in memory. */
  readonly dims: readonly number[];
  readonly flop: number;
  readonly bytes: number;
  readonly ms: Spread;
  readonly boundMs: number;
  readonly ofRoofline: number;
}

export interface LayerOptions {
  readonly precision: Precision;
  readonly roofline: Roofline;
  readonly timing: TimingOptions;
  readonly lookup?: Lookup | undefined;
}

/**
 * The time of every layer of a network. Each layer's dispatches are repeated in a compute pass of
 * their own, layer after layer in the order of a run. Its inputs are those of a run at first, but
 * may share memory with what its last dispatch writes. The sum of all leaves out what a run may
 * gain or lose between layers.
 */
export async function measureLayers(
  gpu: Gpu,
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
  { precision, roofline, timing, lookup }: LayerOptions,
): Promise<LayerTime[]> {
  const shapes = new Map(Object.entries(feeds).map(([name, { dims }]) => [name, dims]));
  const typed = optimize(resolve(graph, shapes), { precision });
  const traits = { ...gpu.traits, multipliesHalf: precision === "f16" };
  const plan = makePlan(typed, traits, lookup);
  const executable = await Executable.build(gpu, plan, new WeightStore(gpu), () => {});
  try {
    await (await executable.issue(new Map(Object.entries(feeds)))).outputs;
    const nodes = problemsOf(typed).map(({ node, problem }) => ({
      node,
      bytes: bytesOfProblem(problem),
      flop: flopOfNode(node, (name) => typed.types.get(name)),
      type: problem.outputs[0]!,
    }));
    const ready = new Map<string, { labels: string[]; pieces: ReadyDispatch[] }>();
    for (const [i, { node, label }] of plan.dispatches.entries()) {
      const entry = ready.get(node) ?? { labels: [], pieces: [] };
      ready.set(node, entry);
      entry.labels.push(label);
      entry.pieces.push(executable.dispatches[i]!);
    }
    // A join whose parts are written in place takes no dispatch.
    const layers = nodes.flatMap((n) => {
      const entry = ready.get(n.node.name);
      return entry ? [{ ...n, ...entry }] : [];
    });
    const timings = await timePrograms(
      gpu,
      layers.map(({ pieces }) => repeatable(pieces)),
      timing,
    );
    return layers.map(({ node, labels, flop, bytes, type }, i) => {
      const ms = spreadOf(timings[i]!.ms);
      const bound = boundMs(roofline, { flop, bytes, precision });
      return {
        name: node.name,
        op: node.op,
        labels: [...new Set(labels)],
        dispatches: labels.length,
        dims: type.dims,
        flop,
        bytes,
        ms,
        boundMs: bound,
        ofRoofline: bound / ms.median,
      };
    });
  } finally {
    executable.dispose();
  }
}

/** A layer's dispatches as one piece of work. */
function repeatable(dispatches: readonly ReadyDispatch[]): Timeable {
  return {
    encode(pass, times) {
      for (let i = 0; i < times; i++) {
        for (const { pipeline, group, workgroups } of dispatches) {
          pass.setPipeline(pipeline);
          pass.setBindGroup(0, group);
          pass.dispatchWorkgroups(...workgroups);
        }
      }
    },
  };
}
