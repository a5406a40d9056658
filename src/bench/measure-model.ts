import type { Graph, TypedGraph } from "../graph/index.ts";
import { writeOnnx } from "../onnx/index.ts";
import { flopOfNode } from "../ops/flop.ts";
import { optimize, resolve } from "../passes/index.ts";
import { type OpenDevice, Session, type SessionStats } from "../session/index.ts";
import { problemsOf } from "../session/plan.ts";
import type { Precision } from "../session/types.ts";
import { Tensor } from "../tensor/index.ts";
import type { TuningSource } from "../tunings/load.ts";
import { loadTunings } from "../tunings/load.ts";
import { timeWhole } from "./against.ts";
import { bytesOfProblem } from "./cost.ts";
import { type LayerTime, measureLayers } from "./measure-layers.ts";
import { relativeError, tolerances } from "./relative-error.ts";
import type { RivalName } from "./rival.ts";
import { boundMs, type Roofline } from "./roofline.ts";
import type { Spread } from "./statistics.ts";
import type { TimingOptions } from "./time-program.ts";
import type { RunTimingOptions } from "./time-runs.ts";

/** A network to be measured. */
export interface Subject {
  readonly name: string;
  readonly graph: Graph;
  /** The file that other engines load; left out, the graph is written for them. */
  readonly path?: string;
  readonly batch: number;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** What a network takes, with what it is compared with. Times in milliseconds. */
export interface ModelTime {
  readonly name: string;
  readonly batch: number;
  /** Height and width of the pictures that it takes; left out where it takes none. */
  readonly size?: readonly [number, number];
  readonly precision: Precision;
  readonly device: string;
  /** From opening the session to the first result. */
  readonly firstMs: number;
  /** Relative error (L2) of the worst output; left out where the CPU itself is measured. */
  readonly error?: number;
  /** Pictures of the batch that were compared with ONNX Runtime on the CPU. */
  readonly comparedPictures?: readonly number[];
  readonly wholeMs: Spread;
  readonly onDeviceMs: Spread | null;
  readonly ortWebgpuMs?: Spread;
  readonly ortCpuMs?: Spread;
  /** Why an engine that was asked for has no times. */
  readonly refused: Partial<Record<RivalName, string>>;
  readonly flop: number;
  /** The sum of what each layer takes at the least; left out on the CPU. */
  readonly boundMs?: number;
  readonly stats: SessionStats;
  readonly layers?: readonly LayerTime[];
}

/** A network that has no time, and why: it gave wrong numbers, or could not run. */
export interface ModelFailure {
  readonly name: string;
  readonly batch: number;
  readonly precision: Precision;
  readonly kind: "wrong" | "refused";
  readonly reason: string;
}

export interface ModelOptions {
  readonly precision: Precision;
  /** Undefined on the CPU. */
  readonly roofline: Roofline | undefined;
  readonly against: readonly RivalName[];
  readonly withLayers: boolean;
  readonly runs: RunTimingOptions;
  readonly timing: TimingOptions;
  readonly tunings?: TuningSource;
  readonly onStep?: (step: string) => void;
}

/**
 * Checks a network against ONNX Runtime on the CPU, then times it: whole runs, the work on the
 * device, and other engines take turns; layers come after that, each by itself.
 *
 * Throws what `Session.create` and `Session.run` throw.
 */
export async function measureModel(
  device: OpenDevice,
  subject: Subject,
  options: ModelOptions,
): Promise<ModelTime | ModelFailure> {
  const { name, graph, batch, feeds } = subject;
  const { precision, tunings, onStep = () => {} } = options;
  const about = { name, batch, precision };
  onStep("opening");
  const start = performance.now();
  const sessionOptions = { precision, ...(tunings !== undefined && { tunings }) };
  const session = await Session.on(device, graph, sessionOptions, { keepOpen: true });
  try {
    const outputs = await session.run(feeds);
    const firstMs = performance.now() - start;
    const typed = typedGraphOf(subject, precision);
    const check = device.gpu ? await compareWithCpu(subject, outputs, onStep) : undefined;
    if (check && !(check.error <= tolerances[precision])) {
      const what = `relative error ${check.error.toExponential(1)} against ONNX Runtime`;
      return {
        ...about,
        kind: "wrong",
        reason: `${what}, at most ${tolerances[precision]} is right`,
      };
    }
    onStep("timing whole runs");
    const model = () => subject.path ?? writeOnnx(graph);
    const times = await timeWhole(session, feeds, options.against, model, options.runs);
    const layers = options.withLayers ? await layersOf(device, subject, options) : undefined;
    const { "ort-webgpu": ortWebgpuMs, "ort-cpu": ortCpuMs } = times.against;
    const size = pictureSizeOf(feeds);
    return {
      ...about,
      ...(size && { size }),
      device: session.device.name,
      firstMs,
      ...check,
      wholeMs: times.wholeMs,
      onDeviceMs: times.onDeviceMs,
      ...(ortWebgpuMs && { ortWebgpuMs }),
      ...(ortCpuMs && { ortCpuMs }),
      refused: times.refused,
      ...costOf(typed, options),
      stats: session.stats,
      ...(layers && { layers }),
    };
  } finally {
    await session.dispose();
  }
}

function pictureSizeOf(feeds: Subject["feeds"]): [number, number] | undefined {
  const picture = Object.values(feeds).find(({ dims }) => dims.length === 4);
  return picture && [picture.dims[2]!, picture.dims[3]!];
}

function typedGraphOf({ graph, feeds }: Subject, precision: Precision): TypedGraph {
  const shapes = new Map(Object.entries(feeds).map(([name, { dims }]) => [name, dims]));
  return optimize(resolve(graph, shapes), { precision });
}

/** Operations of a network, and the sum of its layers' bounds. */
function costOf(graph: TypedGraph, { roofline, precision }: ModelOptions) {
  let flop = 0;
  let bound = 0;
  for (const { node, problem } of problemsOf(graph)) {
    const own = flopOfNode(node, (name) => graph.types.get(name));
    flop += own;
    if (!roofline) continue;
    bound += boundMs(roofline, { flop: own, bytes: bytesOfProblem(problem), precision });
  }
  return { flop, ...(roofline && { boundMs: bound }) };
}

async function layersOf(
  { gpu }: OpenDevice,
  { graph, feeds }: Subject,
  { precision, roofline, timing, tunings, onStep }: ModelOptions,
): Promise<LayerTime[] | undefined> {
  if (!gpu || !roofline) return undefined;
  onStep?.("timing layers");
  const { lookup } = await loadTunings(gpu.info, tunings);
  return measureLayers(gpu, graph, feeds, { precision, roofline, timing, lookup });
}

/** The error of the worst output, of the first and the last picture where they are independent. */
async function compareWithCpu(
  { graph, batch, feeds }: Subject,
  outputs: Readonly<Record<string, Tensor>>,
  onStep: (step: string) => void,
): Promise<{ error: number; comparedPictures: number[] }> {
  onStep("comparing with the CPU");
  const isFree = graph.inputs.every(({ dims }) => typeof dims[0] === "string");
  const isBatched = Object.values(outputs).every(({ dims }) => dims[0] === batch);
  const some = isFree && isBatched && batch > 2;
  const pictures = some ? [0, batch - 1] : Array.from({ length: batch }, (_, i) => i);
  const pick = (tensors: Readonly<Record<string, Tensor>>) =>
    some ? mapValues(tensors, (t) => rowsOf(t, pictures)) : tensors;
  const cpu = await Session.create(graph, { device: "cpu" });
  try {
    const expected = await cpu.run(pick(feeds));
    const actual = pick(outputs);
    const errors = Object.keys(expected).map((o) => relativeError(actual[o]!, expected[o]!));
    // Math.max gives NaN where one is NaN, which no tolerance allows.
    return { error: Math.max(0, ...errors), comparedPictures: pictures };
  } finally {
    await cpu.dispose();
  }
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

/** Some entries of a tensor's first axis. */
function rowsOf({ dtype, data, dims }: Tensor, rows: readonly number[]): Tensor {
  const length = data.length / dims[0]!;
  const picked = data.slice(0, rows.length * length) as Float32Array;
  for (const [i, row] of rows.entries()) {
    picked.set(data.subarray(row * length, (row + 1) * length) as Float32Array, i * length);
  }
  return new Tensor(dtype, picked, [rows.length, ...dims.slice(1)]);
}
