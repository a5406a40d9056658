import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { gpuTraits } from "../../test/gpu-traits.ts";
import { liveBytesMax } from "../../test/plans.ts";
import { Gpu, openGpu } from "../gpu/index.ts";
import type { TypedGraph } from "../graph/index.ts";
import { models } from "../models/index.ts";
import { optimize, resolve } from "../passes/index.ts";
import { Executable } from "./executable.ts";
import { makePlan } from "./plan.ts";
import { WeightStore } from "./weights.ts";

let gpu: Gpu;
beforeAll(async () => {
  const opened = await openGpu({ nullBackend: true });
  const traits = { ...gpuTraits, maxStorageBufferBindingSize: 2 ** 31 };
  gpu = new Gpu(opened.device, opened.info, traits);
});
afterAll(() => gpu.destroy());

/** As a card with large buffers, whose buffers are counted, and made of nothing. */
beforeEach(() => {
  let scratch = new ArrayBuffer(0);
  const mapped = (size: number) => {
    if (scratch.byteLength < size) scratch = new ArrayBuffer(size);
    return scratch;
  };
  const nothing = () => {};
  const { device } = gpu;
  vi.spyOn(device, "createBuffer").mockImplementation(({ size }) => {
    const buffer = { size, destroy: nothing, unmap: nothing, getMappedRange: () => mapped(size) };
    return buffer as unknown as GPUBuffer;
  });
  vi.spyOn(device, "createBindGroup").mockImplementation(() => ({}) as GPUBindGroup);
  vi.spyOn(device, "createCommandEncoder").mockImplementation(() => {
    const pass = { setPipeline: nothing, setBindGroup: nothing, dispatchWorkgroups: nothing };
    const encoder = { beginComputePass: () => ({ ...pass, end: nothing }), finish: nothing };
    return encoder as unknown as GPUCommandEncoder;
  });
  vi.spyOn(device.queue, "writeBuffer").mockImplementation(nothing as never);
  vi.spyOn(device.queue, "submit").mockImplementation(nothing as never);
});
afterEach(() => {
  vi.restoreAllMocks();
});

function graphOf(name: string, batch: number, imageSize: number): TypedGraph {
  const graph = models.get(name)!.build({ batch, imageSize });
  const shapes = new Map([["x", [batch, 3, imageSize, imageSize]]]);
  return optimize(resolve(graph, shapes), { precision: "f32" });
}

/** Prepares a network and gives back all of its memory. */
async function memoryOf(graph: TypedGraph) {
  const before = gpu.memory.bytes;
  gpu.memory.peakBytes = before;
  const weights = new WeightStore(gpu);
  const executable = await Executable.build(gpu, makePlan(graph, gpu.traits), weights, () => {});
  const [weightBytes, peakBytes] = [weights.bytes, gpu.memory.peakBytes];
  const parts = weightBytes + executable.activationBytes + executable.stagingBytes;
  executable.dispose();
  expect(gpu.memory.bytes).toBe(before);
  expect(peakBytes).toBeGreaterThanOrEqual(parts);
  return { weightBytes, peakBytes };
}

test("ResNet-50: its weights, and little more than the values that live at a time", async () => {
  const graph = graphOf("resnet50", 1, 224);
  const { weightBytes, peakBytes } = await memoryOf(graph);
  expect(weightBytes).toBeGreaterThan(90e6);
  expect(peakBytes).toBeLessThanOrEqual(weightBytes + 1.3 * liveBytesMax(graph));
});

test.each([
  ["vgg16", 8, 224],
  ["unet", 1, 512],
])("%s, batch %i, %i pixels across: fits a card of 6 GB", async (name, batch, imageSize) => {
  const { peakBytes } = await memoryOf(graphOf(name, batch, imageSize));
  expect(peakBytes).toBeLessThan(6e9);
});
