import { type Gpu, writePadded } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";

/** Below this, one `writeBuffer` costs less than mapping memory and a copy on the GPU. */
const mappedBytesMin = 256 * 1024;

/**
 * The way of one input to the GPU. Large inputs go through memory that stays mapped between runs,
 * so that their bytes are copied once by the CPU and once by the GPU.
 */
export class Upload {
  private readonly gpu: Gpu;
  private readonly target: GPUBuffer;
  private readonly staging: GPUBuffer | undefined;
  /** Settles when the memory may be written: the last run has copied it. */
  private mapped: Promise<unknown> = Promise.resolve();

  /** `target` may be larger than the input's `bytes`: it holds other values before and after. */
  constructor(gpu: Gpu, target: GPUBuffer, bytes: number) {
    this.gpu = gpu;
    this.target = target;
    if (bytes < mappedBytesMin) return;
    const usage = GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC;
    this.staging = gpu.memory.allocate({ size: bytes, usage, mappedAtCreation: true });
  }

  get stagingBytes(): number {
    return this.staging?.size ?? 0;
  }

  /** Waits until the memory may be written again. */
  async ready(): Promise<void> {
    await this.mapped;
  }

  /** Asks for the memory back, once the run that reads it has been submitted. */
  reclaim(): void {
    if (this.staging?.mapState !== "unmapped") return;
    this.mapped = this.staging.mapAsync(GPUMapMode.WRITE);
    this.mapped.catch(() => {}); // `ready` reports it, if there is a next run.
  }

  /** Writes the data, and what of the copy is the GPU's part into `encoder`. After `ready`. */
  write({ data }: Tensor, encoder: GPUCommandEncoder): void {
    const { staging, target } = this;
    if (!staging) {
      writePadded(this.gpu.device, target, data);
      return;
    }
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array(staging.getMappedRange()).set(bytes);
    staging.unmap();
    encoder.copyBufferToBuffer(staging, 0, target, 0, staging.size);
  }

  destroy(): void {
    if (this.staging) this.gpu.memory.free(this.staging);
  }
}
