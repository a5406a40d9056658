import { RekindleError } from "../errors.ts";
import type { Gpu } from "../gpu/index.ts";
import type { Graph, GraphOutput, TypedGraph } from "../graph/index.ts";
import { checkKernels, optimize, resolve } from "../passes/index.ts";
import { type Shape, Tensor } from "../tensor/index.ts";
import { type LoadedTunings, loadTunings } from "../tunings/load.ts";
import type { DeviceTensor } from "./device-tensor.ts";
import { Executable } from "./executable.ts";
import { checkDimensions, fixDimensions } from "./feeds.ts";
import type { RunFeeds } from "./lane.ts";
import { loadGraph, type Model, timed } from "./load.ts";
import { makePlan, type TuningUse } from "./plan.ts";
import type {
  DeviceSummary,
  Precision,
  Progress,
  Runner,
  SessionOptions,
  SessionStats,
  ValueInfo,
} from "./types.ts";
import { WeightStore } from "./weights.ts";

/** So many sets of input shapes stay prepared; the one that was used least recently goes first. */
const preparedMax = 4;

/** An open GPU, and what to call when it is no longer needed. */
export interface HeldGpu {
  readonly gpu: Gpu;
  readonly summary: DeviceSummary;
  readonly close: () => void;
}

interface Settings {
  readonly precision: Precision;
  readonly onProgress: (progress: Progress) => void;
  readonly tunings: LoadedTunings;
}

/** Runs a graph on a GPU: prepares it once for each set of input shapes. */
export class GpuRunner implements Runner {
  readonly device: DeviceSummary;
  readonly precision: Precision;
  readonly inputs: readonly ValueInfo[];
  outputs: readonly GraphOutput[];
  private readonly held: HeldGpu;
  private readonly graph: Graph;
  private readonly settings: Settings;
  private readonly weights: WeightStore;
  /** By input shapes, least recently used first. */
  private readonly prepared = new Map<string, Executable>();
  private readonly times: { loadMs: number; optimizeMs: number; compileMs: number };
  private dispatches = 0;
  private tuningUse: TuningUse;
  private runs = 0;
  private lastRunMs = 0;
  /** The last run that was asked for. */
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(held: HeldGpu, graph: Graph, settings: Settings, loadMs: number) {
    this.device = held.summary;
    this.precision = settings.precision;
    this.inputs = graph.inputs;
    this.outputs = graph.outputs;
    this.held = held;
    this.graph = graph;
    this.settings = settings;
    this.tuningUse = { used: 0, ignored: settings.tunings.ignored };
    this.weights = new WeightStore(held.gpu);
    this.times = { loadMs, optimizeMs: 0, compileMs: 0 };
  }

  static async create(held: HeldGpu, model: Model, options: SessionOptions): Promise<GpuRunner> {
    const { precision = "f32", onProgress = () => {}, dimensions = {} } = options;
    checkPrecision(held.gpu, precision);
    const { result, ms } = await timed("load", onProgress, () => loadGraph(model));
    checkDimensions(result.inputs, dimensions);
    const inputs = fixDimensions(result.inputs, dimensions);
    const outputs = fixDimensions(result.outputs, dimensions);
    const graph = { ...result, inputs, outputs };
    const tunings = await loadTunings(held.gpu.info, options.tunings);
    const runner = new GpuRunner(held, graph, { precision, onProgress, tunings }, ms);
    if (inputs.every(({ dims }) => dims.every((d) => typeof d === "number"))) {
      const shapes = inputs.map(({ name, dims }) => [name, dims as Shape] as const);
      const { plan } = await runner.prepare(new Map(shapes));
      runner.outputs = plan.outputs.map(({ name, type }) => ({ name, ...type }));
    }
    return runner;
  }

  get stats(): SessionStats {
    const all = [...this.prepared.values()];
    return {
      ...this.times,
      weightBytes: this.weights.bytes,
      activationBytes: all.reduce((sum, e) => sum + e.activationBytes, 0),
      stagingBytes: all.reduce((sum, e) => sum + e.stagingBytes, 0),
      peakBytes: this.held.gpu.memory.peakBytes,
      dispatches: this.dispatches,
      tunings: this.tuningUse,
      runs: this.runs,
      lastRunMs: this.lastRunMs,
    };
  }

  async run(feeds: RunFeeds): Promise<Map<string, Tensor>> {
    const { start, outputs } = await this.inTurn(feeds, async (executable, own) => {
      return { start: performance.now(), ...(await executable.issue(own)) };
    });
    const result = await outputs;
    this.lastRunMs = performance.now() - start;
    this.runs++;
    return result;
  }

  async runOnDevice(feeds: RunFeeds): Promise<Map<string, DeviceTensor>> {
    const outputs = await this.inTurn(feeds, (executable, own) => executable.issueOnDevice(own));
    this.runs++;
    return outputs;
  }

  /** Issues runs one after the other; what they wait for then overlaps. */
  private inTurn<T>(
    feeds: RunFeeds,
    issue: (executable: Executable, feeds: RunFeeds) => Promise<T>,
  ): Promise<T> {
    const issued = this.turn.then(async () => {
      const own = await this.ownFeeds(feeds);
      const shapes = [...feeds].map(([name, { dims }]) => [name, dims] as const);
      return issue(await this.prepare(new Map(shapes)), own);
    });
    this.turn = issued.catch(() => {});
    return issued;
  }

  /** Tensors of this device stay there; those of another one go through the CPU. */
  private async ownFeeds(feeds: RunFeeds): Promise<RunFeeds> {
    const own = new Map(feeds);
    for (const [name, feed] of feeds) {
      if (feed instanceof Tensor) continue;
      if (feed.gpu === this.held.gpu) feed.assertUsable();
      else own.set(name, await feed.read());
    }
    return own;
  }

  async timeOnDevice(): Promise<number> {
    this.held.gpu.assertUsable();
    return [...this.prepared.values()].at(-1)!.timeOnDevice();
  }

  /** The executable for these input shapes, built at the first use. */
  private async prepare(shapes: ReadonlyMap<string, Shape>): Promise<Executable> {
    this.held.gpu.assertUsable();
    const key = this.inputs.map(({ name }) => shapes.get(name)!.join("x")).join(" ");
    const executable = this.prepared.get(key) ?? (await this.build(shapes));
    this.prepared.delete(key);
    this.prepared.set(key, executable);
    this.dispatches = executable.plan.dispatches.length;
    const { used, ignored } = executable.plan.tunings;
    this.tuningUse = { used, ignored: [...this.settings.tunings.ignored, ...ignored] };
    if (this.prepared.size > preparedMax) await this.forgetOldest();
    return executable;
  }

  async dispose(): Promise<void> {
    for (const executable of this.prepared.values()) executable.dispose();
    this.prepared.clear();
    this.held.close();
  }

  private async build(shapes: ReadonlyMap<string, Shape>): Promise<Executable> {
    const { gpu } = this.held;
    const { precision, onProgress, tunings } = this.settings;
    const planned = await timed("optimize", onProgress, () => {
      const graph = optimize(resolve(this.graph, shapes), { precision });
      checkKernels(graph);
      checkStorage(graph, gpu);
      const traits = { ...gpu.traits, multipliesHalf: precision === "f16" };
      return makePlan(graph, traits, tunings.lookup);
    });
    this.times.optimizeMs += planned.ms;
    const start = performance.now();
    const executable = await Executable.build(gpu, planned.result, this.weights, onProgress);
    this.times.compileMs += performance.now() - start;
    return executable;
  }

  private async forgetOldest(): Promise<void> {
    const [key, executable] = this.prepared.entries().next().value!;
    this.prepared.delete(key);
    await executable.settled();
    executable.dispose();
  }
}

/** Throws "precision" where a device cannot store values as asked. */
export function checkPrecision(gpu: Gpu, precision: Precision): void {
  if (precision === "f32" || gpu.traits.hasF16) return;
  throw noF16(gpu, "float16 was asked for", 'use precision "f32"');
}

/** A model that itself holds float16 needs a device that reads it. */
function checkStorage(graph: TypedGraph, gpu: Gpu): void {
  if (gpu.traits.hasF16) return;
  const names = graph.nodes.flatMap((node) => [...node.inputs, ...node.outputs]);
  const half = names.find((name) => graph.types.get(name)?.dtype === "float16");
  if (half !== undefined) throw noF16(gpu, `"${half}" is float16`, 'use the CPU (device "cpu")');
}

function noF16({ info }: Gpu, what: string, fix: string): RekindleError {
  const hidden =
    info.vendor === "nvidia"
      ? "; or set REKINDLE_DAWN_FEATURES=+vulkan_enable_f16_on_nvidia, at your own risk"
      : "";
  return new RekindleError("precision", `${what}, but ${info.name} has no shader-f16`, {
    fix: fix + hidden,
  });
}
