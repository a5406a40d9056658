import { type Gpu, storageBytes, writePadded } from "../gpu/index.ts";
import type { Packed, PackShader } from "../kernels/kernel.ts";
import type { Tensor } from "../tensor/index.ts";

/** A constant as the model holds it, or rearranged for a kernel. */
export type Weight = Tensor | Packed;

interface Stored {
  readonly buffer: GPUBuffer;
  users: number;
}

/** From this size on, weights are written into mapped memory, which saves a copy. */
const mappedBytesMin = 64 * 1024;

const packLabel = "pack";
const uploading = "uploading weights";

/** Constants that wait on the device to be rearranged take this at least, beside the largest. */
const sourceBytesMin = 4 * 2 ** 20;

/**
 * The weights on a device, each stored once however many plans use it. A constant is known by its
 * tensor, a rearranged one by its key. Large ones are rearranged on the device.
 */
export class WeightStore {
  private readonly gpu: Gpu;
  private readonly stored = new Map<Tensor | string, Stored>();

  constructor(gpu: Gpu) {
    this.gpu = gpu;
  }

  get bytes(): number {
    return [...this.stored.values()].reduce((sum, { buffer }) => sum + buffer.size, 0);
  }

  /** Starts to compile what `acquire` rearranges these weights with. */
  compile(weights: readonly Weight[]): void {
    for (const weight of weights) {
      const shader = this.shaderOf(weight);
      // `acquire` reports what goes wrong.
      if (shader) this.gpu.pipeline(shader.wgsl, packLabel).catch(() => {});
    }
  }

  /**
   * The buffers of `weights`, made and uploaded where they are new. Calls `onHeld` for each as soon
   * as it has to be given back with `release`. Those that are rearranged on the device are there
   * twice meanwhile; the largest go first, a few at a time, so that all fit where a run's
   * activations of `roomBytes` find place later.
   */
  async acquire(
    weights: readonly Weight[],
    roomBytes: number,
    onHeld: (weight: Weight) => void,
  ): Promise<Map<Weight, GPUBuffer>> {
    const buffers = new Map<Weight, GPUBuffer>();
    const packers = new Packers(this.gpu);
    const sourceBytesMax = Math.max(sourceBytesMin, roomBytes);
    /** What the device finds wrong with uploads: it tells later, when nobody waits for it. */
    const verdicts: Promise<void>[] = [];
    const largestFirst = [...weights].sort((a, b) => this.sourceBytes(b) - this.sourceBytes(a));
    try {
      for (const weight of largestFirst) {
        if (packers.bytes + this.sourceBytes(weight) > sourceBytesMax) {
          await Promise.all(verdicts.splice(0));
          await packers.run();
        }
        const known = this.stored.get(keyOf(weight));
        if (known) {
          known.users++;
        } else {
          const { verdict } = this.gpu.watch(uploading, () => this.add(weight, packers));
          verdict.catch(() => {}); // Awaited below, if nothing else fails before.
          verdicts.push(verdict);
        }
        onHeld(weight);
        buffers.set(weight, this.stored.get(keyOf(weight))!.buffer);
      }
      await Promise.all(verdicts.splice(0));
      await packers.run();
    } finally {
      packers.destroy();
    }
    return buffers;
  }

  release(weight: Weight): void {
    const known = this.stored.get(keyOf(weight));
    if (!known || --known.users > 0) return;
    this.gpu.memory.free(known.buffer);
    this.stored.delete(keyOf(weight));
  }

  /** How the device rearranges a weight; undefined where it comes as it is, or from JavaScript. */
  private shaderOf(weight: Weight): PackShader | undefined {
    return "make" in weight && !this.gpu.traits.isSoftware ? weight.shader : undefined;
  }

  private sourceBytes(weight: Weight): number {
    const shader = this.shaderOf(weight);
    return shader ? storageBytes(shader.source) : 0;
  }

  private add(weight: Weight, packers: Packers): void {
    const shader = this.shaderOf(weight);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    let buffer: GPUBuffer;
    if (shader) {
      const size = Math.max(16, (weight as Packed).bytes);
      buffer = this.gpu.memory.allocate({ size, usage });
      packers.add(shader, buffer);
    } else {
      const content = "make" in weight ? weight.make() : weight.data;
      const size = "make" in weight ? Math.max(16, weight.bytes) : storageBytes(weight);
      buffer = uploaded(this.gpu, content, size, usage);
    }
    this.stored.set(keyOf(weight), { buffer, users: 1 });
  }
}

/** Constants on their way: uploaded as they are, to be rearranged by the device. */
class Packers {
  private readonly gpu: Gpu;
  private readonly waiting: { shader: PackShader; source: GPUBuffer; result: GPUBuffer }[] = [];
  /** What is needed no longer when all that wait are rearranged. */
  private readonly made: GPUBuffer[] = [];
  bytes = 0;

  constructor(gpu: Gpu) {
    this.gpu = gpu;
  }

  add(shader: PackShader, result: GPUBuffer): void {
    const { source } = shader;
    const size = storageBytes(source);
    const buffer = uploaded(this.gpu, source.data, size, GPUBufferUsage.STORAGE);
    this.made.push(buffer);
    this.waiting.push({ shader, source: buffer, result });
    this.bytes += size;
  }

  /** Rearranges all that wait, and waits for it. */
  async run(): Promise<void> {
    if (this.waiting.length === 0) return;
    const { gpu } = this;
    const pipelines = await Promise.all(
      this.waiting.map(({ shader }) => gpu.pipeline(shader.wgsl, packLabel)),
    );
    await gpu.checked("rearranging weights", () => this.issue(pipelines));
    await gpu.device.queue.onSubmittedWorkDone();
    this.destroy();
  }

  destroy(): void {
    for (const buffer of this.made) this.gpu.memory.free(buffer);
    this.made.length = 0;
    this.waiting.length = 0;
    this.bytes = 0;
  }

  private issue(pipelines: readonly GPUComputePipeline[]): void {
    const { device } = this.gpu;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    this.waiting.forEach(({ shader, source, result }, i) => {
      const pipeline = pipelines[i]!;
      const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
      const params = uploaded(this.gpu, shader.params, shader.params.byteLength, usage);
      this.made.push(params);
      const entries = [source, result, params].map((buffer, binding) => {
        return { binding, resource: { buffer } };
      });
      pass.setPipeline(pipeline);
      const layout = pipeline.getBindGroupLayout(0);
      pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
      pass.dispatchWorkgroups(...shader.workgroups);
    });
    pass.end();
    device.queue.submit([encoder.finish()]);
  }
}

/** A new buffer that holds `content`. */
function uploaded(
  gpu: Gpu,
  content: ArrayBufferView,
  bytes: number,
  usage: GPUBufferUsageFlags,
): GPUBuffer {
  const size = Math.ceil(bytes / 16) * 16;
  const mappedAtCreation = size >= mappedBytesMin;
  const buffer = gpu.memory.allocate({
    size,
    usage: usage | GPUBufferUsage.COPY_DST,
    mappedAtCreation,
  });
  if (mappedAtCreation) {
    const { buffer: bytes, byteOffset, byteLength } = content;
    new Uint8Array(buffer.getMappedRange()).set(new Uint8Array(bytes, byteOffset, byteLength));
    buffer.unmap();
  } else {
    writePadded(gpu.device, buffer, content);
  }
  return buffer;
}

function keyOf(weight: Weight): Tensor | string {
  return "key" in weight ? weight.key : weight;
}
