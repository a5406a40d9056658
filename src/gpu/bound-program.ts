import type { TensorType } from "../graph/index.ts";
import type { Binding, Program } from "../kernels/kernel.ts";
import { bytesPerElement, sizeOf, Tensor, viewBytes } from "../tensor/index.ts";
import type { Gpu } from "./gpu.ts";
import { type ProgramData, ProgramMemory } from "./program-memory.ts";

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
  private memory: ProgramMemory | undefined;
  /** What belongs to this program alone: its scratch memory, its params, or all of its memory. */
  private release: () => void = () => {};
  private dispatches: readonly ReadyDispatch[] = [];

  private constructor(gpu: Gpu, label: string) {
    this.gpu = gpu;
    this.label = label;
  }

  /**
   * Compiles, and uploads the data unless it is on the device already, where several programs may
   * share it. Throws "shader" and "device-limit".
   */
  static async bind(
    gpu: Gpu,
    program: Program,
    data: ProgramData | ProgramMemory,
  ): Promise<BoundProgram> {
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
    const { output, outputTypes } = this.memory!;
    return Promise.all(output.map((buffer, i) => read(this.gpu, buffer, outputTypes[i]!)));
  }

  destroy(): void {
    this.release();
    this.release = () => {};
  }

  private prepare(
    program: Program,
    data: ProgramData | ProgramMemory,
    pipelines: readonly GPUComputePipeline[],
  ): void {
    const isShared = data instanceof ProgramMemory;
    const memory = isShared ? data : new ProgramMemory(this.gpu, data);
    const own: GPUBuffer[] = [];
    this.memory = memory;
    this.release = isShared
      ? () => own.forEach((buffer) => void memory.free(buffer))
      : () => memory.destroy();
    const keep = (buffer: GPUBuffer) => {
      own.push(buffer);
      return buffer;
    };
    const scratch = (program.scratch ?? []).map((bytes) => keep(memory.poisoned(bytes)));
    const bufferOf = (b: Binding): GPUBuffer => {
      if (b.kind === "params") return keep(memory.buffer(b.data.byteLength, b.data));
      if (b.kind === "packed") return memory.packedBuffer(program.packed![b.index]!);
      return b.kind === "scratch" ? scratch[b.index]! : memory[b.kind][b.index]!;
    };
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
