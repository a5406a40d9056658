import type { TensorType } from "../graph/index.ts";
import type { Binding, Program } from "../kernels/kernel.ts";
import { bytesPerElement, sizeOf, Tensor, viewBytes } from "../tensor/index.ts";
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

interface ReadyDispatch {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

/**
 * A program with its data and pipelines on a device, ready to be issued any number of times: for
 * tests, tuning and benchmarks. Outputs are filled with NaN first, so that an element that is never
 * written shows.
 *
 * @example
 * const bound = await BoundProgram.bind(gpu, program, { inputs: [x, w], operands: [], outputs });
 * const [y] = await bound.run();
 * bound.destroy();
 */
export class BoundProgram {
  private readonly gpu: Gpu;
  private readonly label: string;
  private readonly made: GPUBuffer[] = [];
  private outputs: readonly { readonly buffer: GPUBuffer; readonly type: TensorType }[] = [];
  private dispatches: readonly ReadyDispatch[] = [];

  private constructor(gpu: Gpu, label: string) {
    this.gpu = gpu;
    this.label = label;
  }

  /** Uploads the data and compiles; throws "shader" and "device-limit". */
  static async bind(gpu: Gpu, program: Program, data: ProgramData): Promise<BoundProgram> {
    const bound = new BoundProgram(gpu, program.dispatches[0]?.label ?? "empty program");
    try {
      const pipelines = await Promise.all(
        program.dispatches.map(({ wgsl, label }) => gpu.pipeline(wgsl, label)),
      );
      await gpu.checked(bound.label, () => bound.prepare(program, data, pipelines));
      return bound;
    } catch (error) {
      bound.destroy();
      throw error;
    }
  }

  /** Adds the program's dispatches to a pass, `times` times over. */
  encode(pass: GPUComputePassEncoder, times = 1): void {
    for (let i = 0; i < times; i++) {
      for (const { pipeline, group, workgroups } of this.dispatches) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(...workgroups);
      }
    }
  }

  /** Runs the program once and reads its outputs back. */
  async run(): Promise<Tensor[]> {
    const { device } = this.gpu;
    await this.gpu.checked(this.label, () => {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      this.encode(pass);
      pass.end();
      device.queue.submit([encoder.finish()]);
    });
    return Promise.all(this.outputs.map(({ buffer, type }) => read(this.gpu, buffer, type)));
  }

  destroy(): void {
    for (const buffer of this.made) buffer.destroy();
    this.made.length = 0;
  }

  private prepare(
    program: Program,
    data: ProgramData,
    pipelines: readonly GPUComputePipeline[],
  ): void {
    const upload = (t: Tensor) => this.buffer(storageBytes(t), t.data);
    const poisoned = (bytes: number) => this.buffer(bytes, poison(bytes));
    const buffers = {
      input: data.inputs.map((t) => t && upload(t)),
      operand: data.operands.map(upload),
      output: data.outputs.map((t) => poisoned(storageBytes(t))),
      scratch: (program.scratch ?? []).map(poisoned),
      packed: (program.packed ?? []).map((p) => this.buffer(p.bytes, p.make())),
    };
    const bufferOf = (b: Binding) =>
      b.kind === "params" ? this.buffer(b.data.byteLength, b.data) : buffers[b.kind][b.index]!;
    this.outputs = data.outputs.map((type, i) => ({ type, buffer: buffers.output[i]! }));
    this.dispatches = program.dispatches.map(({ bindings, workgroups }, i) => {
      const pipeline = pipelines[i]!;
      const layout = pipeline.getBindGroupLayout(0);
      const entries = bindings.map((b, binding) => ({
        binding,
        resource: { buffer: bufferOf(b) },
      }));
      return { pipeline, group: this.gpu.device.createBindGroup({ layout, entries }), workgroups };
    });
  }

  private buffer(bytes: number, content: ArrayBufferView): GPUBuffer {
    const { device } = this.gpu;
    const { STORAGE, UNIFORM, COPY_DST, COPY_SRC } = GPUBufferUsage;
    const usage = STORAGE | UNIFORM | COPY_DST | COPY_SRC;
    const buffer = device.createBuffer({ size: Math.ceil(bytes / 16) * 16, usage });
    this.made.push(buffer);
    writePadded(device, buffer, content);
    return buffer;
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

async function read(gpu: Gpu, source: GPUBuffer, type: TensorType): Promise<Tensor> {
  const { device } = gpu;
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = device.createBuffer({ size: source.size, usage });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const bytes = new Uint8Array(staging.getMappedRange().slice(0));
  staging.destroy();
  const length = sizeOf(type.dims) * bytesPerElement(type.dtype);
  return new Tensor(type.dtype, viewBytes(type.dtype, bytes.subarray(0, length)), type.dims);
}
