import type { Gpu } from "../gpu/index.ts";
import { bytesPerElement, sizeOf, Tensor, viewBytes } from "../tensor/index.ts";
import type { Plan, PlannedBinding, PlannedOutput } from "./plan.ts";
import type { Progress } from "./types.ts";
import { Upload } from "./upload.ts";
import type { Weight, WeightStore } from "./weights.ts";
import { chunksOf, submitBudget } from "./work.ts";

/** A dispatch with everything that it binds, ready to be issued. */
export interface ReadyDispatch {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
  readonly work: number;
}

/** Copies an output from its slot to memory that the CPU can read. */
interface Readback {
  readonly output: PlannedOutput;
  readonly source: GPUBuffer;
  readonly staging: GPUBuffer;
  readonly bytes: number;
}

type OnProgress = (progress: Progress) => void;

/**
 * A plan with its buffers and pipelines on a device. A run allocates no GPU memory: it uploads the
 * inputs, issues prebuilt dispatches and reads the outputs back. One run at a time.
 */
export class Executable {
  readonly plan: Plan;
  private readonly gpu: Gpu;
  private readonly weights: WeightStore;
  private readonly held: Weight[] = [];
  private readonly buffers: GPUBuffer[] = [];
  private slots: readonly GPUBuffer[] = [];
  private uploads: readonly (readonly [input: string, upload: Upload])[] = [];
  private readbacks: readonly Readback[] = [];
  private chunks: readonly (readonly ReadyDispatch[])[] = [];

  private constructor(gpu: Gpu, plan: Plan, weights: WeightStore) {
    this.gpu = gpu;
    this.plan = plan;
    this.weights = weights;
  }

  /** Uploads weights, compiles all pipelines at once and binds everything. */
  static async build(gpu: Gpu, plan: Plan, weights: WeightStore, onProgress: OnProgress) {
    const made = new Executable(gpu, plan, weights);
    try {
      const pipelines = compileAll(gpu, plan, onProgress);
      pipelines.catch(() => {}); // Awaited below, but uploading may fail before that.
      const buffers = await gpu.checked("uploading weights", () => made.upload(onProgress));
      const compiled = await pipelines;
      await gpu.checked("preparing the session", () => made.bind(compiled, buffers));
      return made;
    } catch (error) {
      made.dispose();
      throw await gpu.explain(error);
    }
  }

  /** Every dispatch of a run, in the order of `plan.dispatches`: for profiles. */
  get dispatches(): readonly ReadyDispatch[] {
    return this.chunks.flat();
  }

  get activationBytes(): number {
    return this.plan.slotBytes.reduce((sum, bytes) => sum + bytes, 0);
  }

  get stagingBytes(): number {
    const up = this.uploads.reduce((sum, [, upload]) => sum + upload.stagingBytes, 0);
    return this.readbacks.reduce((sum, { staging }) => sum + staging.size, up);
  }

  async run(feeds: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>> {
    await Promise.all(this.uploads.map(([, upload]) => upload.ready()));
    const { verdict } = this.gpu.watch("running the model", () => this.issue(feeds));
    const reads = this.readbacks.map(({ staging }) => staging.mapAsync(GPUMapMode.READ));
    const results = await Promise.allSettled([verdict, ...reads]);
    try {
      const failed = results.find((r) => r.status === "rejected");
      if (failed) throw await this.gpu.explain(failed.reason);
      const outputs = this.plan.outputs.map(
        (o) => [o.name, this.outputOf(o, feeds)] as [string, Tensor],
      );
      return new Map(outputs);
    } finally {
      for (const { staging } of this.readbacks) staging.unmap();
    }
  }

  dispose(): void {
    for (const [, upload] of this.uploads) upload.destroy();
    for (const buffer of this.buffers) buffer.destroy();
    for (const weight of this.held) this.weights.release(weight);
    this.buffers.length = 0;
    this.held.length = 0;
  }

  private upload(onProgress: OnProgress): Map<Weight, GPUBuffer> {
    const weights = weightsOf(this.plan);
    const buffers = new Map<Weight, GPUBuffer>();
    onProgress({ stage: "pack", done: 0, total: weights.length });
    for (const weight of weights) {
      buffers.set(weight, this.weights.acquire(weight));
      this.held.push(weight);
      onProgress({ stage: "pack", done: buffers.size, total: weights.length });
    }
    return buffers;
  }

  private bind(
    pipelines: ReadonlyMap<string, GPUComputePipeline>,
    weights: ReadonlyMap<Weight, GPUBuffer>,
  ): void {
    const { STORAGE, UNIFORM, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage;
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
    this.chunks = chunksOf(ready, submitBudget);
    this.uploads = plan.inputs.map(({ name, slot }) => {
      return [name, new Upload(device, this.slots[slot]!)] as const;
    });
    this.readbacks = plan.outputs.flatMap((output): Readback[] => {
      const { type, source } = output;
      const bytes = sizeOf(type.dims) * bytesPerElement(type.dtype);
      if (source.kind !== "slot" || bytes === 0) return [];
      const staging = this.buffer(Math.ceil(bytes / 4) * 4, MAP_READ | COPY_DST);
      return [{ output, source: this.slots[source.slot]!, staging, bytes }];
    });
  }

  private buffer(size: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const made = this.gpu.device.createBuffer({ size, usage });
    this.buffers.push(made);
    return made;
  }

  /**
   * Milliseconds from issuing a run to its end, without transfers: the inputs of the last run are
   * still on the device, and the outputs stay there.
   */
  async timeOnDevice(): Promise<number> {
    const start = performance.now();
    const { verdict } = this.gpu.watch("running the model", () => this.issueChunks());
    await this.gpu.device.queue.onSubmittedWorkDone();
    const ms = performance.now() - start;
    await verdict;
    return ms;
  }

  /** Issues all commands of one run, without waiting for any. */
  private issue(feeds: ReadonlyMap<string, Tensor>): void {
    this.issueChunks(
      (encoder) => {
        for (const [name, upload] of this.uploads) upload.write(feeds.get(name)!, encoder);
      },
      (encoder) => {
        for (const { source, staging } of this.readbacks) {
          encoder.copyBufferToBuffer(source, 0, staging, 0, staging.size);
        }
      },
    );
  }

  /** Submits the dispatches chunk by chunk, with what comes before the first and after the last. */
  private issueChunks(
    before: (encoder: GPUCommandEncoder) => void = () => {},
    after: (encoder: GPUCommandEncoder) => void = () => {},
  ): void {
    const { device } = this.gpu;
    this.chunks.forEach((chunk, i) => {
      const encoder = device.createCommandEncoder();
      if (i === 0) before(encoder);
      const pass = encoder.beginComputePass();
      for (const { pipeline, group, workgroups } of chunk) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(...workgroups);
      }
      pass.end();
      if (i === this.chunks.length - 1) after(encoder);
      device.queue.submit([encoder.finish()]);
    });
  }

  private outputOf(output: PlannedOutput, feeds: ReadonlyMap<string, Tensor>): Tensor {
    const { type, source } = output;
    if (source.kind === "constant") return copyOf(source.tensor, output);
    if (source.kind === "input") return copyOf(feeds.get(source.input)!, output);
    const readback = this.readbacks.find((r) => r.output === output);
    const bytes = readback
      ? new Uint8Array(readback.staging.getMappedRange().slice(0, readback.bytes))
      : new Uint8Array(0);
    return new Tensor(type.dtype, viewBytes(type.dtype, bytes), type.dims);
  }
}

function copyOf(tensor: Tensor, { type }: PlannedOutput): Tensor {
  return new Tensor(type.dtype, tensor.data.slice(), type.dims);
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

/** Compiles every shader of a plan, all at once. */
async function compileAll(gpu: Gpu, plan: Plan, onProgress: OnProgress) {
  const labels = new Map(plan.dispatches.map(({ wgsl, label }) => [wgsl, label]));
  let done = 0;
  onProgress({ stage: "compile", done, total: labels.size });
  const compiled = await Promise.all(
    [...labels].map(async ([wgsl, label]) => {
      const pipeline = await gpu.pipeline(wgsl, label);
      onProgress({ stage: "compile", done: ++done, total: labels.size });
      return [wgsl, pipeline] as const;
    }),
  );
  return new Map(compiled);
}
