import { bytesOfProblem } from "../bench/cost.ts";
import { RekindleError } from "../errors.ts";
import type { TypedGraph } from "../graph/index.ts";
import type { DeviceTraits, Program } from "../kernels/kernel.ts";
import { flopOfNode } from "../ops/flop.ts";
import { chooseKernel } from "../session/choose-kernel.ts";
import { type NodeProblem, problemsOf } from "../session/plan.ts";
import type { Precision } from "../session/types.ts";
import { bytesPerElement } from "../tensor/index.ts";
import { buildOptions } from "../tunings/shader-hash.ts";
import { type Card, traitsOfCard } from "./cards.ts";
import { compiledShader } from "./compiled.ts";
import { dispatchTime } from "./dispatch-time.ts";
import { groupsOf, multiplicationsOf, workOf } from "./dispatch-work.ts";
import { type Machine, machineOfCard } from "./machine.ts";
import { precisionOf, type ShaderIdentity } from "./shader-key.ts";
import { type CacheUse, type Traffic, trafficOfDispatch, trafficOfProblem } from "./traffic.ts";

/** What takes the most of a predicted time: see docs/performance-model.md. */
export type Limit = "compute" | "loads" | "memory" | "launch";

/** A dispatch as the model sees it. Nothing here was measured on a card. */
export interface DispatchPrediction {
  readonly label: string;
  readonly workgroups: number;
  readonly predictedMs: number;
  readonly limit: Limit;
  /** Clocks of multiplication of the clocks that the compiled loop takes, 0 to 1. */
  readonly issueRate: number;
  readonly wavesPerSimd: number;
  /** Nobody has compiled this shader for gfx1010: registers and issue rate are estimates. */
  readonly estimated: boolean;
}

/** A node of a network: what it has to do, and what it is expected to take. */
export interface LayerPrediction {
  readonly name: string;
  readonly op: string;
  readonly kernel: string;
  /** Shape of its first output as it lies in memory. */
  readonly dims: readonly number[];
  /** Operations by the definition; what its kernel does, edges of tiles included. */
  readonly flop: number;
  readonly flopDone: number;
  /** Everything that it reads and writes, once. */
  readonly bytes: number;
  /** Least time for its arithmetic and its bytes at the card's highest rates. */
  readonly boundMs: number;
  readonly predictedMs: number;
  /** `predictedMs / boundMs`. */
  readonly gap: number;
  /** Of the dispatch that takes the longest. */
  readonly limit: Limit;
  readonly dispatches: readonly DispatchPrediction[];
}

/** A network on a card: milliseconds on the device, without transfers and without JavaScript. */
export interface ModelPrediction {
  readonly kind: "prediction";
  readonly card: string;
  readonly boundMs: number;
  readonly predictedMs: number;
  readonly gap: number;
  readonly layers: readonly LayerPrediction[];
}

/**
 * Predicts what a network takes on a card that need not be there: for every layer the least time
 * that its arithmetic and memory traffic allow, and a prediction from the compiled code of its
 * kernels (docs/performance-model.md). The graph has been through `resolve` and `optimize` in the
 * given precision; kernels are chosen as a session on that card would choose them without stored
 * tunings. Pure.
 *
 * Throws "device-limit" where no kernel fits the card.
 *
 * @example
 * const graph = optimize(resolve(models.get("resnet50")!.build(), shapes), { precision: "f32" });
 * const { predictedMs, boundMs } = predictModel(graph, findCard("RX 5600 XT"));
 */
export function predictModel(
  graph: TypedGraph,
  card: Card,
  precision: Precision = "f32",
): ModelPrediction {
  const traits = { ...traitsOfCard(card), multipliesHalf: precision === "f16" };
  return predictOn(graph, machineOfCard(card), traits);
}

/** `predictModel` for any GPU: what the method is checked with. */
export function predictOn(
  graph: TypedGraph,
  machine: Machine,
  device: DeviceTraits,
): ModelPrediction {
  const nodes = problemsOf(graph);
  const weightBytes = nodes
    .flatMap(({ problem }) => problem.constants)
    .reduce((sum, tensor) => sum + (tensor ? tensor.size * bytesPerElement(tensor.dtype) : 0), 0);
  const use: CacheUse = {
    valueBytesMax: machine.cacheBytes / 2,
    keepsWeights: weightBytes <= machine.cacheBytes / 2,
  };
  const layers = nodes.map((node) => predictLayer(node, graph, { machine, device, use }));
  const boundMs = layers.reduce((sum, layer) => sum + layer.boundMs, 0);
  const predictedMs = layers.reduce((sum, layer) => sum + layer.predictedMs, 0);
  const gap = predictedMs / boundMs;
  return { kind: "prediction", card: machine.name, boundMs, predictedMs, gap, layers };
}

interface Target {
  readonly machine: Machine;
  readonly device: DeviceTraits;
  readonly use: CacheUse;
}

function predictLayer(
  { node, kernels, problem }: NodeProblem,
  graph: TypedGraph,
  target: Target,
): LayerPrediction {
  const { machine, device, use } = target;
  const choice = chooseKernel(kernels, problem, device);
  if (!("kernel" in choice)) {
    const why = choice.reasons.join("; ");
    throw new RekindleError(
      "device-limit",
      `no kernel fits ${machine.name} for ${node.op}: ${why}`,
    );
  }
  const { kernel, config } = choice;
  const program = kernel.build(problem, config, buildOptions(device));
  const flop = flopOfNode(node, (name) => graph.types.get(name));
  const dispatches = program.dispatches.map((dispatch) => {
    const shader = { kernel: kernel.name, config, problem, dispatch };
    return predictDispatch(shader, program, flop, target);
  });
  const flopDone = 2 * dispatches.reduce((sum, d) => sum + d.multiplications, 0);
  const least = flopDone > 0 ? Math.min(flop, flopDone) : flop;
  const isPacked = device.multipliesHalf === true && precisionOf(problem) === "f16";
  const boundMs = boundOf(least, isPacked, trafficOfProblem(problem, use), machine);
  const predictedMs = dispatches.reduce((sum, d) => sum + d.prediction.predictedMs, 0);
  const predictions = dispatches.map((d) => d.prediction);
  return {
    name: node.name,
    op: node.op,
    kernel: kernel.name,
    dims: problem.outputs[0]!.dims,
    flop,
    flopDone,
    bytes: bytesOfProblem(problem),
    boundMs,
    predictedMs,
    gap: predictedMs / boundMs,
    limit: predictions.reduce((a, b) => (b.predictedMs > a.predictedMs ? b : a)).limit,
    dispatches: predictions,
  };
}

function predictDispatch(
  shader: ShaderIdentity,
  program: Program,
  flop: number,
  { machine, use }: Target,
) {
  const { dispatch, problem } = shader;
  const compiled = compiledShader(shader, machine);
  const multiplications = multiplicationsOf(shader, program, flop);
  const traffic = trafficOfDispatch(dispatch, program, problem, use);
  const work = workOf(shader, compiled, multiplications, traffic, machine);
  const { predictedMs, limit } = dispatchTime(work, machine);
  return {
    multiplications: multiplications.done,
    prediction: {
      label: dispatch.label,
      workgroups: groupsOf(dispatch),
      predictedMs,
      limit,
      issueRate: compiled.issueRate,
      wavesPerSimd: compiled.wavesPerSimd,
      estimated: compiled.estimated,
    },
  };
}

/** Milliseconds of arithmetic or of traffic at the machine's highest rates, the longer of them. */
function boundOf(
  flop: number,
  isPacked: boolean,
  { memory, cached }: Traffic,
  machine: Machine,
): number {
  const { units, simds, hertzMax, f16Rate, memoryRate, cacheRateMax } = machine;
  const peak = 2 * 32 * units * simds * hertzMax * (isPacked ? f16Rate : 1);
  return 1000 * Math.max(flop / peak, memory / memoryRate + cached / cacheRateMax);
}
