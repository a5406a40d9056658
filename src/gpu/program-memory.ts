import type { TensorType } from "../graph/index.ts";
import type { Packed } from "../kernels/kernel.ts";
import { bytesPerElement, sizeOf, type Tensor } from "../tensor/index.ts";
import type { Gpu } from "./gpu.ts";

/** Bytes of a value on the GPU: whole 4-byte words, at least 16 so that a vec4 always fits. */
export function storageBytes(type: TensorType): number {
  return Math.max(16, Math.ceil((sizeOf(type.dims) * bytesPerElement(type.dtype)) / 16) * 16);
}

/** What a program computes on: inputs that are left out are undefined. */
export interface ProgramData {
  readonly inputs: readonly (Tensor | undefined)[];
  readonly operands: readonly Tensor[];
  readonly outputs: readonly TensorType[];
}

/**
 * The inputs and outputs of a problem on the device, for any number of programs that compute it.
 * Outputs are filled with NaN, so that an element that is never written shows.
 */
export class ProgramMemory {
  readonly input: readonly (GPUBuffer | undefined)[];
  readonly operand: readonly GPUBuffer[];
  readonly output: readonly GPUBuffer[];
  readonly outputTypes: readonly TensorType[];
  private readonly device: GPUDevice;
  private readonly made: GPUBuffer[] = [];
  private readonly packed = new Map<string, GPUBuffer>();

  /** Uploads the data; to be called within `Gpu.checked`. */
  constructor(gpu: Gpu, data: ProgramData) {
    this.device = gpu.device;
    this.outputTypes = data.outputs;
    const upload = (t: Tensor) => this.buffer(storageBytes(t), t.data);
    this.input = data.inputs.map((t) => t && upload(t));
    this.operand = data.operands.map(upload);
    this.output = data.outputs.map((t) => this.poisoned(storageBytes(t)));
  }

  /** A constant rearranged for a kernel, made at the first use. */
  packedBuffer(packed: Packed): GPUBuffer {
    const known = this.packed.get(packed.key);
    if (known) return known;
    const made = this.buffer(packed.bytes, packed.make());
    this.packed.set(packed.key, made);
    return made;
  }

  buffer(bytes: number, content: ArrayBufferView): GPUBuffer {
    const { STORAGE, UNIFORM, COPY_DST, COPY_SRC } = GPUBufferUsage;
    const usage = STORAGE | UNIFORM | COPY_DST | COPY_SRC;
    const buffer = this.device.createBuffer({ size: Math.ceil(bytes / 16) * 16, usage });
    this.made.push(buffer);
    writePadded(this.device, buffer, content);
    return buffer;
  }

  /** A buffer of NaN. */
  poisoned(bytes: number): GPUBuffer {
    return this.buffer(bytes, poison(bytes));
  }

  /** Frees one buffer before the others. */
  free(buffer: GPUBuffer): void {
    const at = this.made.indexOf(buffer);
    if (at >= 0) this.made.splice(at, 1);
    buffer.destroy();
  }

  destroy(): void {
    for (const buffer of this.made) buffer.destroy();
    this.made.length = 0;
  }
}

/** Writes a whole number of 4-byte words, padding an odd float16 with zero. */
export function writePadded(device: GPUDevice, target: GPUBuffer, content: ArrayBufferView): void {
  const { buffer, byteOffset, byteLength } = content;
  const whole = byteLength - (byteLength % 4);
  if (whole > 0) device.queue.writeBuffer(target, 0, buffer, byteOffset, whole);
  if (whole === byteLength) return;
  const tail = new Uint8Array(4);
  tail.set(new Uint8Array(buffer, byteOffset + whole, byteLength - whole));
  device.queue.writeBuffer(target, whole, tail);
}

/** All bits set: a NaN in float32 and in float16. */
function poison(bytes: number): Uint8Array {
  return new Uint8Array(Math.ceil(bytes / 16) * 16).fill(0xff);
}
