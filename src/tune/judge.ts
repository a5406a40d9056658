import { type BoundProgram, type Gpu, type ProgramMemory, storageBytes } from "../gpu/index.ts";
import type { TensorType } from "../graph/index.ts";
import { fromFloat16Bits, sizeOf } from "../tensor/index.ts";
import { compareShader, comparison, pickShader, poisonShader } from "./compare-shaders.ts";
import { addError, type ErrorSum, noError, problemWith } from "./error-sum.ts";
import type { Expected } from "./expected.ts";

/** One output of a problem, with what it is compared with. */
interface Output {
  readonly type: TensorType;
  readonly buffer: GPUBuffer;
  readonly expected: Expected;
  /** Where the elements at the expected indices are copied to; undefined: all are read. */
  readonly picked: GPUBuffer | undefined;
  readonly indices: GPUBuffer | undefined;
  /** The whole output of the first program that agreed with the reference. */
  readonly agreed: GPUBuffer;
  readonly sums: GPUBuffer;
  readonly size: GPUBuffer;
}

const perWord = ({ dtype }: TensorType): 1 | 2 => (dtype === "float16" ? 2 : 1);

/**
 * Tells right programs from wrong ones: what they write is compared with the reference, and, once
 * one program has agreed with it, the whole output with what that one wrote.
 */
export class Judge {
  private readonly gpu: Gpu;
  private readonly tolerance: number;
  private readonly made: GPUBuffer[] = [];
  private readonly outputs: readonly Output[];
  private hasAgreed = false;

  constructor(gpu: Gpu, memory: ProgramMemory, expected: readonly Expected[], tolerance: number) {
    this.gpu = gpu;
    this.tolerance = tolerance;
    this.outputs = memory.outputTypes.map((type, i) =>
      this.outputOf(type, memory.output[i]!, expected[i]!),
    );
  }

  /** Runs a program once; undefined where its result is right, else one sentence. */
  async check(program: BoundProgram): Promise<string | undefined> {
    const { gpu, outputs, hasAgreed } = this;
    const dispatches: [GPUComputePipeline, GPUBindGroup, number][] = [];
    const use = async (wgsl: string, buffers: readonly GPUBuffer[], count: number) => {
      const pipeline = await gpu.pipeline(wgsl, "tuning check");
      const layout = pipeline.getBindGroupLayout(0);
      const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
      const group = gpu.device.createBindGroup({ layout, entries });
      dispatches.push([pipeline, group, count]);
    };
    for (const { buffer } of outputs) await use(poisonShader, [buffer], 1024);
    const before = dispatches.length;
    for (const o of outputs) {
      const words = perWord(o.type);
      if (o.picked) {
        const count = Math.ceil(o.expected.values.length / 256);
        await use(pickShader(words), [o.buffer, o.indices!, o.picked], count);
      }
      if (hasAgreed) {
        const buffers = [o.buffer, o.agreed, o.sums, o.size];
        await use(compareShader(words), buffers, comparison.workgroups);
      }
    }
    await gpu.checked("checking a candidate", () => {
      const encoder = gpu.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      dispatches.forEach(([pipeline, group, count], i) => {
        if (i === before) program.encode(pass);
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(count);
      });
      if (dispatches.length === before) program.encode(pass);
      pass.end();
      gpu.device.queue.submit([encoder.finish()]);
    });
    return await this.verdict();
  }

  private async verdict(): Promise<string | undefined> {
    for (const output of this.outputs) {
      const problem =
        (await this.againstReference(output)) ??
        (this.hasAgreed ? await this.againstAgreed(output) : undefined);
      if (problem !== undefined) return problem;
    }
    if (!this.hasAgreed) this.agree();
    return undefined;
  }

  private async againstReference(o: Output): Promise<string | undefined> {
    const bytes = await this.read(o.picked ?? o.buffer);
    const { values, indices } = o.expected;
    const sum = noError();
    const isHalf = o.type.dtype === "float16";
    const words = new Uint32Array(bytes);
    const singles = new Float32Array(bytes);
    const halves = new Uint16Array(bytes);
    for (let i = 0; i < values.length; i++) {
      const half = indices ? (words[i]! >>> (16 * (indices[i]! % 2))) & 0xffff : halves[i]!;
      addError(sum, isHalf ? fromFloat16Bits(half) : singles[i]!, values[i]!);
    }
    const problem = problemWith(sum, this.tolerance);
    return problem && `differs from the reference: ${problem}`;
  }

  private async againstAgreed(o: Output): Promise<string | undefined> {
    const parts = new Float32Array(await this.read(o.sums));
    const sum: ErrorSum = { ...noError(), count: sizeOf(o.type.dims) };
    for (let i = 0; i < parts.length; i += comparison.numbers) {
      sum.difference += parts[i]!;
      sum.norm += parts[i + 1]!;
      sum.largest = Math.max(sum.largest, parts[i + 2]!);
      sum.notFinite += parts[i + 3]!;
    }
    const problem = problemWith(sum, this.tolerance);
    return problem && `differs from what other kernels compute: ${problem}`;
  }

  /** Keeps the present outputs: they agree with the reference. */
  private agree(): void {
    const encoder = this.gpu.device.createCommandEncoder();
    for (const { buffer, agreed } of this.outputs) {
      encoder.copyBufferToBuffer(buffer, 0, agreed, 0, agreed.size);
    }
    this.gpu.device.queue.submit([encoder.finish()]);
    this.hasAgreed = true;
  }

  private outputOf(type: TensorType, buffer: GPUBuffer, expected: Expected): Output {
    const { indices } = expected;
    const words = Math.floor(sizeOf(type.dims) / perWord(type));
    return {
      ...{ type, buffer, expected },
      picked: indices && this.buffer(4 * indices.length),
      indices: indices && this.buffer(4 * indices.length, indices),
      agreed: this.buffer(storageBytes(type)),
      sums: this.buffer(4 * comparison.numbers * comparison.workgroups),
      size: this.buffer(16, Uint32Array.of(words, 0, 0, 0)),
    };
  }

  private buffer(size: number, content?: Uint32Array): GPUBuffer {
    const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const usage = STORAGE | UNIFORM | COPY_SRC | COPY_DST;
    const buffer = this.gpu.device.createBuffer({ size, usage });
    if (content) this.gpu.device.queue.writeBuffer(buffer, 0, content.buffer as ArrayBuffer);
    this.made.push(buffer);
    return buffer;
  }

  private async read(source: GPUBuffer): Promise<ArrayBuffer> {
    const { device } = this.gpu;
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const staging = device.createBuffer({ size: source.size, usage });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
    device.queue.submit([encoder.finish()]);
    try {
      await staging.mapAsync(GPUMapMode.READ);
      return staging.getMappedRange().slice(0);
    } catch (error) {
      throw await this.gpu.explain(error);
    } finally {
      staging.destroy();
    }
  }

  destroy(): void {
    for (const buffer of this.made) buffer.destroy();
  }
}
