import type { Gpu } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { Commands } from "./commands.ts";
import { Compilation } from "./compilation.ts";
import { DeviceTensor } from "./device-tensor.ts";
import { Lane, type RunFeeds } from "./lane.ts";
import type { Plan, PlannedBinding } from "./plan.ts";
import type { Progress } from "./types.ts";
import type { Weight, WeightStore } from "./weights.ts";
import { budgetFor, chunksOf, type SubmitBudget, submitBudget } from "./work.ts";

/** A dispatch with everything that it binds, ready to be issued. */
export interface ReadyDispatch {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
  readonly work: number;
}

type OnProgress = (progress: Progress) => void;

/** Runs that may be under way at a time: one computes while another is read or written. */
const lanesMax = 3;

/**
 * A plan with its buffers and pipelines on a device. A run allocates no GPU memory: it uploads the
 * inputs, issues prebuilt dispatches and reads the outputs back. Runs may overlap; the device
 * computes them one after the other.
 */
export class Executable {
  readonly plan: Plan;
  /** Every dispatch of a run, in the order of `plan.dispatches`. */
  dispatches: readonly ReadyDispatch[] = [];
  private readonly gpu: Gpu;
  private readonly weights: WeightStore;
  private readonly held: Weight[] = [];
  private readonly buffers: GPUBuffer[] = [];
  private slots: readonly GPUBuffer[] = [];
  private readonly lanes: Lane[] = [];
  private readonly idle: Lane[] = [];
  /** Runs under way; they never reject. */
  private readonly running = new Set<Promise<unknown>>();
  private budget: SubmitBudget = submitBudget;
  private commands = this.makeCommands();

  private constructor(gpu: Gpu, plan: Plan, weights: WeightStore) {
    this.gpu = gpu;
    this.plan = plan;
    this.weights = weights;
  }

  /** Uploads weights, compiles all pipelines at once and binds everything. */
  static async build(gpu: Gpu, plan: Plan, weights: WeightStore, onProgress: OnProgress) {
    const made = new Executable(gpu, plan, weights);
    let compilation: Compilation | undefined;
    try {
      // First what uploading waits for.
      weights.compile(weightsOf(plan));
      compilation = new Compilation(gpu, plan, onProgress);
      // This thread compiles while the device rearranges weights.
      const compiled = compilation.finish();
      compiled.catch(() => {}); // Reported below, when nothing is being uploaded any more.
      const buffers = await made.upload(onProgress);
      const pipelines = await compiled;
      await gpu.checked("preparing the session", () => made.bind(pipelines, buffers));
      return made;
    } catch (error) {
      compilation?.cancel();
      made.dispose();
      throw await gpu.explain(error);
    }
  }

  get activationBytes(): number {
    return this.plan.slotBytes.reduce((sum, bytes) => sum + bytes, 0);
  }

  get stagingBytes(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.stagingBytes, 0);
  }

  /**
   * Issues a run: resolves when the next one may be issued, with the promise of the outputs. Call
   * it again only after that.
   */
  async issue(feeds: RunFeeds): Promise<{ readonly outputs: Promise<Map<string, Tensor>> }> {
    const lane = await this.freeLane();
    const start = performance.now();
    const isAlone = this.running.size === 0;
    const { result, verdict } = this.giveBackIfItFails(lane, () =>
      this.gpu.watch("running the model", () => {
        this.submit(lane.send(feeds), lane.fetch());
        const read = lane.read(feeds);
        lane.reclaim();
        this.commands.prepare();
        return read;
      }),
    );
    const outputs = this.settle(result, verdict).finally(() => {
      this.idle.push(lane);
      if (isAlone) this.learn(performance.now() - start);
    });
    this.track(outputs);
    return { outputs };
  }

  /** Issues a run whose outputs stay on the device; without waiting for it to end. */
  async issueOnDevice(feeds: RunFeeds): Promise<Map<string, DeviceTensor>> {
    const lane = await this.freeLane();
    const made = new Map<string, DeviceTensor>();
    try {
      await this.gpu.checked("running the model", () => {
        const encoder = this.gpu.device.createCommandEncoder();
        for (const { name, type, source } of this.plan.outputs) {
          const tensor = new DeviceTensor(this.gpu, type.dtype, type.dims);
          made.set(name, tensor);
          lane.keep(source, feeds, tensor, encoder);
        }
        this.submit(lane.send(feeds), [encoder.finish()]);
        lane.reclaim();
        this.commands.prepare();
      });
      return made;
    } catch (error) {
      for (const tensor of made.values()) tensor.dispose();
      throw await this.gpu.explain(error);
    } finally {
      this.idle.push(lane);
    }
  }

  /** A lane that is lost would be missing for ever: with none left, runs would wait for one. */
  private giveBackIfItFails<T>(lane: Lane, work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.idle.push(lane);
      throw error;
    }
  }

  /** Resolves when no run is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.running);
  }

  dispose(): void {
    for (const lane of this.lanes) lane.destroy();
    for (const buffer of this.buffers) this.gpu.memory.free(buffer);
    for (const weight of this.held) this.weights.release(weight);
    this.buffers.length = 0;
    this.held.length = 0;
  }

  private upload(onProgress: OnProgress): Promise<Map<Weight, GPUBuffer>> {
    const weights = weightsOf(this.plan);
    onProgress({ stage: "pack", done: 0, total: weights.length });
    return this.weights.acquire(weights, this.activationBytes, (weight) => {
      this.held.push(weight);
      onProgress({ stage: "pack", done: this.held.length, total: weights.length });
    });
  }

  private bind(
    pipelines: ReadonlyMap<string, GPUComputePipeline>,
    weights: ReadonlyMap<Weight, GPUBuffer>,
  ): void {
    const { STORAGE, UNIFORM, COPY_DST, COPY_SRC } = GPUBufferUsage;
    const { plan, gpu } = this;
    const { device } = gpu;
    this.slots = plan.slotBytes.map((b) => this.buffer(b, STORAGE | COPY_DST | COPY_SRC));
    const params = this.buffer(Math.max(16, plan.params.byteLength), UNIFORM | COPY_DST);
    device.queue.writeBuffer(params, 0, plan.params);
    const resourceOf = (b: PlannedBinding): GPUBufferBinding => {
      if (b.kind === "slot") return { buffer: this.slots[b.slot]! };
      if (b.kind === "params") return { buffer: params, offset: b.offset, size: b.bytes };
      return { buffer: weights.get(b.kind === "constant" ? b.tensor : b.packed)! };
    };
    const ready = plan.dispatches.map(({ wgsl, label, workgroups, bindings, work }) => {
      const pipeline = pipelines.get(wgsl)!;
      const entries = bindings.map((b, binding) => ({ binding, resource: resourceOf(b) }));
      const layout = pipeline.getBindGroupLayout(0);
      return {
        pipeline,
        group: device.createBindGroup({ label, layout, entries }),
        workgroups,
        work,
      };
    });
    this.dispatches = ready;
    this.addLane();
  }

  private buffer(size: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const made = this.gpu.memory.allocate({ size, usage });
    this.buffers.push(made);
    return made;
  }

  /**
   * Milliseconds from issuing a run to its end, without transfers: the inputs of the last run are
   * still on the device, and the outputs stay there.
   */
  async timeOnDevice(): Promise<number> {
    const start = performance.now();
    const { result: done, verdict } = this.gpu.watch("running the model", () => {
      this.submit([], []);
      const done = this.gpu.device.queue.onSubmittedWorkDone();
      this.commands.prepare();
      return done;
    });
    await done;
    const ms = performance.now() - start;
    await verdict;
    return ms;
  }

  private addLane(): void {
    const lane = new Lane(this.gpu, this.plan, this.slots);
    this.lanes.push(lane);
    this.idle.push(lane);
  }

  /** A lane whose inputs may be written. */
  private async freeLane(): Promise<Lane> {
    while (this.idle.length === 0) {
      if (this.lanes.length === lanesMax) await Promise.race(this.running);
      else await this.gpu.checked("preparing a run", () => this.addLane());
    }
    const lane = this.idle.pop()!;
    try {
      await lane.ready();
    } catch (error) {
      this.idle.push(lane);
      throw await this.gpu.explain(error);
    }
    return lane;
  }

  /** Submits the dispatches in chunks of bounded work, with what comes before and after them. */
  private submit(before: readonly GPUCommandBuffer[], after: readonly GPUCommandBuffer[]): void {
    const chunks = this.commands.take();
    const { queue } = this.gpu.device;
    if (chunks.length === 0) queue.submit([...before, ...after]);
    chunks.forEach((chunk, i) => {
      const first = i === 0 ? before : [];
      const last = i === chunks.length - 1 ? after : [];
      queue.submit([...first, chunk, ...last]);
    });
  }

  private makeCommands(): Commands {
    return new Commands(() => {
      return chunksOf(this.dispatches, this.budget).map((chunk) => this.encode(chunk));
    });
  }

  private encode(dispatches: readonly ReadyDispatch[]): GPUCommandBuffer {
    const encoder = this.gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    let bound: GPUComputePipeline | undefined;
    for (const { pipeline, group, workgroups } of dispatches) {
      if (pipeline !== bound) pass.setPipeline(pipeline);
      bound = pipeline;
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
    return encoder.finish();
  }

  /** After a run that took `ms`: the device's rate is known, and submissions may grow with it. */
  private learn(ms: number): void {
    const work = this.dispatches.reduce((sum, d) => sum + d.work, 0);
    const budget = budgetFor(work, ms);
    if (budget.work < 2 * this.budget.work || this.budget.work > work) return;
    this.budget = budget;
    this.commands = this.makeCommands();
  }

  private async settle<T>(result: Promise<T>, verdict: Promise<void>): Promise<T> {
    const [outputs, judged] = await Promise.allSettled([result, verdict]);
    if (judged.status === "rejected") throw await this.gpu.explain(judged.reason);
    if (outputs.status === "rejected") throw await this.gpu.explain(outputs.reason);
    return outputs.value;
  }

  private track(run: Promise<unknown>): void {
    const done: Promise<unknown> = run.catch(() => {}).finally(() => this.running.delete(done));
    this.running.add(done);
  }
}

/** Every weight that a plan binds, once. */
function weightsOf(plan: Plan): Weight[] {
  const weights = new Map<unknown, Weight>();
  for (const { bindings } of plan.dispatches) {
    for (const b of bindings) {
      if (b.kind === "constant") weights.set(b.tensor, b.tensor);
      if (b.kind === "packed") weights.set(b.packed, b.packed);
    }
  }
  return [...weights.values()];
}
