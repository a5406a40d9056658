import { expect, test } from "vitest";
import { RekindleError } from "../errors.ts";
import type { Gpu } from "../gpu/index.ts";
import { Compilation } from "./compilation.ts";
import type { Plan } from "./plan.ts";
import type { Progress } from "./types.ts";

/** A plan of dispatches whose shaders are `a` repeated: longer ones come first. */
function planOf(count: number): Plan {
  const shader = (i: number) => ({ wgsl: "a".repeat(i + 1), label: `shader ${i}` });
  const dispatches = Array.from({ length: count }, (_, i) => shader(i));
  return { dispatches: [...dispatches, ...dispatches] } as unknown as Plan;
}

/** Compiles by hand: what the device was given, and what this thread took. */
class FakeGpu {
  readonly given: string[] = [];
  readonly taken: string[] = [];
  private readonly ends: (() => void)[] = [];

  pipeline(wgsl: string): Promise<GPUComputePipeline> {
    this.given.push(wgsl);
    return new Promise((resolve) => this.ends.push(() => resolve(pipelineOf(wgsl))));
  }

  async pipelineNow(wgsl: string): Promise<GPUComputePipeline> {
    this.taken.push(wgsl);
    // The device is done with one meanwhile.
    this.ends.shift()?.();
    return pipelineOf(wgsl);
  }

  endAll(): void {
    for (const end of this.ends.splice(0)) end();
  }
}

const pipelineOf = (wgsl: string) => ({ label: wgsl }) as GPUComputePipeline;

test("this thread takes the shortest shaders, the device the longest, each once", async () => {
  const gpu = new FakeGpu();
  const progress: Progress[] = [];
  const compilation = new Compilation(gpu as unknown as Gpu, planOf(20), (p) => progress.push(p));
  expect(gpu.given.map((wgsl) => wgsl.length)).toEqual([20, 19, 18, 17, 16, 15]);
  const finished = compilation.finish();
  const deadline = setInterval(() => gpu.endAll(), 20);
  const pipelines = await finished;
  clearInterval(deadline);
  expect(pipelines.size).toBe(20);
  for (const [wgsl, pipeline] of pipelines) expect(pipeline.label).toBe(wgsl);
  expect(gpu.taken.length).toBeGreaterThan(3);
  expect([...gpu.given, ...gpu.taken].map((wgsl) => wgsl.length).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
  expect(gpu.taken[0]).toBe("a");
  const done = progress.map((p) => p.done);
  expect(done).toEqual(Array.from({ length: 21 }, (_, i) => i));
  expect(progress.every(({ stage, total }) => stage === "compile" && total === 20)).toBe(true);
});

test("with fewer shaders than the device takes at once, this thread only waits", async () => {
  const gpu = new FakeGpu();
  const compilation = new Compilation(gpu as unknown as Gpu, planOf(3), () => {});
  setTimeout(() => gpu.endAll(), 5);
  expect((await compilation.finish()).size).toBe(3);
  expect(gpu.taken).toEqual([]);
});

test("a shader that does not compile ends it, wherever it is compiled", async () => {
  const broken = new RekindleError("shader", "broken");
  const onDevice = new FakeGpu();
  onDevice.pipeline = async () => {
    throw broken;
  };
  const first = new Compilation(onDevice as unknown as Gpu, planOf(20), () => {});
  await expect(first.finish()).rejects.toBe(broken);
  const here = new FakeGpu();
  here.pipelineNow = async () => {
    throw broken;
  };
  const second = new Compilation(here as unknown as Gpu, planOf(20), () => {});
  await expect(second.finish()).rejects.toBe(broken);
  here.endAll();
});
