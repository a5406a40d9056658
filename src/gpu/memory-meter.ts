/**
 * Buffers, counted: what a device holds for sessions, and the most that it held at a time. Drivers
 * add their own: rounding, and memory through which `mappedAtCreation` passes.
 */
export class MemoryMeter {
  /** Bytes now, and the largest number so far. */
  bytes = 0;
  peakBytes = 0;
  private readonly device: GPUDevice;

  constructor(device: GPUDevice) {
    this.device = device;
  }

  /** `createBuffer`, counted until it is given to `free`. */
  allocate(descriptor: GPUBufferDescriptor): GPUBuffer {
    const buffer = this.device.createBuffer(descriptor);
    this.bytes += buffer.size;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
    return buffer;
  }

  /** Destroys a buffer that `allocate` made; once. */
  free(buffer: GPUBuffer): void {
    buffer.destroy();
    this.bytes -= buffer.size;
  }
}
