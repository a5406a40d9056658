import type { TensorType } from "../graph/index.ts";
import type { Binding, Program } from "../kernels/kernel.ts";
import { bytesPerElement, sizeOf, Tensor, viewBytes } from "../tensor/index.ts";
import type { Gpu } from "./gpu.ts";

/** Bytes of a value on the GPU: whole 4-byte words, at least 16 so that a vec4 always fits. */
export function storageBytes(type: TensorType): number {
  return Math.max(16, Math.ceil((sizeOf(type.dims) * bytesPerElement(type.dtype)) / 16) * 16);
}

interface ProgramInputs {
  readonly inputs: readonly (Tensor | undefined)[];
  readonly operands: readonly Tensor[];
  readonly outputs: readonly TensorType[];
}

/**
 * Runs one program by itself and reads its outputs back: for tests and for tuning. Outputs are
 * filled with NaN first, so that an element that is never written shows.
 */
export async function runProgram(gpu: Gpu, program: Program, data: ProgramInputs) {
  const { device } = gpu;
  const made: GPUBuffer[] = [];
  const buffer = (bytes: number, content?: ArrayBufferView) => {
    const { STORAGE, UNIFORM, COPY_DST, COPY_SRC } = GPUBufferUsage;
    const usage = STORAGE | UNIFORM | COPY_DST | COPY_SRC;
    const b = device.createBuffer({ size: Math.ceil(bytes / 16) * 16, usage });
    if (content) writePadded(device, b, content);
    made.push(b);
    return b;
  };
  const upload = (t: Tensor) => buffer(storageBytes(t), t.data);
  const buffers = {
    input: data.inputs.map((t) => t && upload(t)),
    operand: data.operands.map(upload),
    output: data.outputs.map((t) => buffer(storageBytes(t), poison(storageBytes(t)))),
    scratch: (program.scratch ?? []).map((bytes) => buffer(bytes, poison(bytes))),
    packed: (program.packed ?? []).map((p) => buffer(p.bytes, p.make())),
  };
  const bufferOf = (b: Binding) =>
    b.kind === "params" ? buffer(b.data.byteLength, b.data) : buffers[b.kind][b.index]!;
  try {
    const pipelines = await Promise.all(
      program.dispatches.map(({ wgsl, label }) => gpu.pipeline(wgsl, label)),
    );
    await gpu.checked(program.dispatches[0]?.label ?? "empty program", () => {
      const encoder = device.createCommandEncoder();
      program.dispatches.forEach((dispatch, i) => {
        const layout = pipelines[i]!.getBindGroupLayout(0);
        const entries = dispatch.bindings.map((b, binding) => ({
          binding,
          resource: { buffer: bufferOf(b) },
        }));
        const pass = encoder.beginComputePass();
        pass.setPipeline(pipelines[i]!);
        pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
        pass.dispatchWorkgroups(...dispatch.workgroups);
        pass.end();
      });
      device.queue.submit([encoder.finish()]);
    });
    return await Promise.all(buffers.output.map((b, i) => read(gpu, b, data.outputs[i]!)));
  } finally {
    for (const b of made) b.destroy();
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
