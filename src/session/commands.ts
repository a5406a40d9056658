/**
 * Commands that are the same in every run. WebGPU takes a command buffer only once, and encoding a
 * hundred dispatches takes JavaScript half a millisecond: so the next run's are encoded while the
 * GPU works on this one's.
 */
export class Commands {
  private readonly encode: () => readonly GPUCommandBuffer[];
  private ready: readonly GPUCommandBuffer[] | undefined;

  constructor(encode: () => readonly GPUCommandBuffer[]) {
    this.encode = encode;
  }

  /** Command buffers to submit, each on its own, in order; good for one time. */
  take(): readonly GPUCommandBuffer[] {
    const taken = this.ready ?? this.encode();
    this.ready = undefined;
    return taken;
  }

  /** Encodes the next ones, if that is not done. Call it while the GPU is busy. */
  prepare(): void {
    this.ready ??= this.encode();
  }
}
