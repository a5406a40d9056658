import { RekindleError } from "../errors.ts";
import type { Gpu } from "../gpu/index.ts";
import {
  bytesPerElement,
  type DType,
  type Shape,
  sizeOf,
  Tensor,
  viewBytes,
} from "../tensor/index.ts";

/**
 * A tensor in the memory of a session's GPU: an output that stayed there, or an input that was put
 * there once for many runs. Dense, in row-major order. It holds its memory until `dispose`.
 *
 * @example
 * const { features } = await backbone.runOnDevice({ x });
 * const { logits } = await backbone.run({ x: features });
 * features.dispose();
 */
export class DeviceTensor {
  readonly dtype: DType;
  readonly dims: Shape;
  /** The memory; at least as many bytes as the tensor has, a multiple of 4. */
  readonly buffer: GPUBuffer;
  readonly gpu: Gpu;
  private isDisposed = false;

  constructor(gpu: Gpu, dtype: DType, dims: Shape) {
    const { COPY_SRC, COPY_DST, STORAGE } = GPUBufferUsage;
    this.gpu = gpu;
    this.dtype = dtype;
    this.dims = dims;
    const size = Math.max(4, Math.ceil(this.bytes / 4) * 4);
    this.buffer = gpu.memory.allocate({ size, usage: COPY_SRC | COPY_DST | STORAGE });
  }

  get bytes(): number {
    return sizeOf(this.dims) * bytesPerElement(this.dtype);
  }

  /** Copies the tensor to the CPU's memory, once all work issued before is done. */
  async read(): Promise<Tensor> {
    this.assertUsable();
    const { device } = this.gpu;
    const { size } = this.buffer;
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const staging = this.gpu.memory.allocate({ size, usage });
    try {
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(this.buffer, 0, staging, 0, size);
      await this.gpu.checked("reading a tensor", () => device.queue.submit([encoder.finish()]));
      await staging.mapAsync(GPUMapMode.READ);
      const bytes = new Uint8Array(staging.getMappedRange().slice(0, this.bytes));
      return new Tensor(this.dtype, viewBytes(this.dtype, bytes), this.dims);
    } catch (error) {
      throw await this.gpu.explain(error);
    } finally {
      this.gpu.memory.free(staging);
    }
  }

  /** Frees the memory; runs that were issued before still read it. */
  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.gpu.memory.free(this.buffer);
  }

  /** Throws "disposed" where the memory is gone, and what `Gpu.assertUsable` throws. */
  assertUsable(): void {
    this.gpu.assertUsable();
    if (this.isDisposed) throw new RekindleError("disposed", "the tensor has been disposed");
  }
}
