import { type Gpu, writePadded } from "../gpu/index.ts";
import { bytesPerElement, sizeOf, Tensor, viewBytes } from "../tensor/index.ts";
import { DeviceTensor } from "./device-tensor.ts";
import type { OutputSource, Plan, PlannedOutput } from "./plan.ts";
import { Upload } from "./upload.ts";

/** Inputs of a run by name: from the CPU's memory or on the device. */
export type RunFeeds = ReadonlyMap<string, Tensor | DeviceTensor>;

/** Copies an output from its slot to memory that the CPU can read. */
interface Readback {
  readonly output: PlannedOutput;
  readonly source: GPUBuffer;
  readonly staging: GPUBuffer;
  readonly bytes: number;
}

/**
 * The way of one run's inputs to the device and of its outputs back. Runs that overlap have a lane
 * each: one's outputs are read while the next one's inputs are written.
 */
export class Lane {
  private readonly gpu: Gpu;
  private readonly plan: Plan;
  private readonly slots: readonly GPUBuffer[];
  private readonly uploads: ReadonlyMap<string, Upload>;
  private readonly readbacks: readonly Readback[];

  constructor(gpu: Gpu, plan: Plan, slots: readonly GPUBuffer[]) {
    this.gpu = gpu;
    this.plan = plan;
    this.slots = slots;
    this.uploads = new Map(
      plan.inputs.map(({ name, slot, bytes }) => [name, new Upload(gpu, slots[slot]!, bytes)]),
    );
    this.readbacks = plan.outputs.flatMap((output): Readback[] => {
      const { type, source } = output;
      const bytes = sizeOf(type.dims) * bytesPerElement(type.dtype);
      if (source.kind !== "slot" || bytes === 0) return [];
      const size = Math.ceil(bytes / 4) * 4;
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
      const staging = gpu.memory.allocate({ size, usage });
      return [{ output, source: slots[source.slot]!, staging, bytes }];
    });
  }

  get stagingBytes(): number {
    const up = [...this.uploads.values()].reduce((sum, upload) => sum + upload.stagingBytes, 0);
    return this.readbacks.reduce((sum, { staging }) => sum + staging.size, up);
  }

  /** Waits until inputs may be written: the lane's last run has copied its own. */
  async ready(): Promise<void> {
    await Promise.all([...this.uploads.values()].map((upload) => upload.ready()));
  }

  /** Writes the inputs; the commands that bring them to their slots. After `ready`. */
  send(feeds: RunFeeds): GPUCommandBuffer[] {
    const encoder = this.gpu.device.createCommandEncoder();
    for (const { name, slot } of this.plan.inputs) {
      const feed = feeds.get(name)!;
      const target = this.slots[slot]!;
      if (feed instanceof Tensor) this.uploads.get(name)!.write(feed, encoder);
      else encoder.copyBufferToBuffer(feed.buffer, 0, target, 0, feed.buffer.size);
    }
    return [encoder.finish()];
  }

  /** The commands that bring the outputs to where `read` finds them. */
  fetch(): GPUCommandBuffer[] {
    const encoder = this.gpu.device.createCommandEncoder();
    for (const { source, staging } of this.readbacks) {
      encoder.copyBufferToBuffer(source, 0, staging, 0, staging.size);
    }
    return [encoder.finish()];
  }

  /** Asks for the inputs' memory back. After the commands were submitted. */
  reclaim(): void {
    for (const upload of this.uploads.values()) upload.reclaim();
  }

  /** The outputs, once the commands that were submitted are done. */
  async read(feeds: RunFeeds): Promise<Map<string, Tensor>> {
    const maps = this.readbacks.map(({ staging }) => staging.mapAsync(GPUMapMode.READ));
    try {
      const failed = (await Promise.allSettled(maps)).find((r) => r.status === "rejected");
      if (failed) throw failed.reason;
      const outputs = this.plan.outputs.map(async (output) => {
        return [output.name, await this.outputOf(output, feeds)] as const;
      });
      return new Map(await Promise.all(outputs));
    } finally {
      for (const { staging } of this.readbacks) staging.unmap();
    }
  }

  /** Copies an output to where it stays on the device. */
  keep(source: OutputSource, feeds: RunFeeds, to: DeviceTensor, encoder: GPUCommandEncoder): void {
    const feed = source.kind === "input" ? feeds.get(source.input)! : undefined;
    const fromCpu = source.kind === "constant" ? source.tensor : feed;
    if (fromCpu instanceof Tensor) {
      writePadded(this.gpu.device, to.buffer, fromCpu.data);
      return;
    }
    const from = source.kind === "slot" ? this.slots[source.slot]! : (feed as DeviceTensor).buffer;
    if (to.bytes > 0) encoder.copyBufferToBuffer(from, 0, to.buffer, 0, to.buffer.size);
  }

  destroy(): void {
    for (const upload of this.uploads.values()) upload.destroy();
    for (const { staging } of this.readbacks) this.gpu.memory.free(staging);
  }

  private outputOf(output: PlannedOutput, feeds: RunFeeds): Tensor | Promise<Tensor> {
    const { type, source } = output;
    if (source.kind === "constant") return copyOf(source.tensor, output);
    if (source.kind === "input") {
      const feed = feeds.get(source.input)!;
      return feed instanceof DeviceTensor ? feed.read() : copyOf(feed, output);
    }
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
