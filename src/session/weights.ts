import { storageBytes, writePadded } from "../gpu/index.ts";
import type { Packed } from "../kernels/kernel.ts";
import type { Tensor } from "../tensor/index.ts";

/** A constant as the model holds it, or rearranged for a kernel. */
export type Weight = Tensor | Packed;

interface Stored {
  readonly buffer: GPUBuffer;
  users: number;
}

/** From this size on, weights are written into mapped memory, which saves a copy. */
const mappedBytesMin = 64 * 1024;

/**
 * The weights on a device, each stored once however many plans use it. A constant is known by its
 * tensor, a rearranged one by its key.
 */
export class WeightStore {
  private readonly device: GPUDevice;
  private readonly stored = new Map<Tensor | string, Stored>();

  constructor(device: GPUDevice) {
    this.device = device;
  }

  get bytes(): number {
    return [...this.stored.values()].reduce((sum, { buffer }) => sum + buffer.size, 0);
  }

  /** The buffer of a weight, made and uploaded if it is new; pair each call with a `release`. */
  acquire(weight: Weight): GPUBuffer {
    const known = this.stored.get(keyOf(weight));
    if (known) {
      known.users++;
      return known.buffer;
    }
    const buffer = this.upload(weight);
    this.stored.set(keyOf(weight), { buffer, users: 1 });
    return buffer;
  }

  release(weight: Weight): void {
    const known = this.stored.get(keyOf(weight));
    if (!known || --known.users > 0) return;
    known.buffer.destroy();
    this.stored.delete(keyOf(weight));
  }

  private upload(weight: Weight): GPUBuffer {
    const content = "make" in weight ? weight.make() : weight.data;
    const size = "make" in weight ? Math.max(16, weight.bytes) : storageBytes(weight);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    const mappedAtCreation = size >= mappedBytesMin;
    const buffer = this.device.createBuffer({ size, usage, mappedAtCreation });
    if (mappedAtCreation) {
      const { buffer: bytes, byteOffset, byteLength } = content;
      new Uint8Array(buffer.getMappedRange()).set(new Uint8Array(bytes, byteOffset, byteLength));
      buffer.unmap();
    } else {
      writePadded(this.device, buffer, content);
    }
    return buffer;
  }
}

function keyOf(weight: Weight): Tensor | string {
  return "key" in weight ? weight.key : weight;
}
