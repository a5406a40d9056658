import { afterAll, beforeAll, expect, test } from "vitest";
import { BoundProgram, type Gpu, openGpu } from "../gpu/index.ts";
import { timePrograms } from "./time-program.ts";
import { exactTimestamps } from "./timer.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu({ toggles: exactTimestamps });
});
afterAll(() => gpu.destroy());

/** A program of one thread that takes longer the more steps it has. */
function chain(steps: number): Promise<BoundProgram> {
  const wgsl = `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> steps: vec4<u32>;
@compute @workgroup_size(1) fn main() {
  var sum = 1.0;
  for (var i = 0u; i < steps.x; i++) { sum = fma(sum, 0.5, 1.0); }
  y[0] = sum;
}`;
  const params = new Uint32Array([steps, 0, 0, 0]);
  const bindings = [
    { kind: "output", index: 0 } as const,
    { kind: "params", data: params } as const,
  ];
  const program = {
    dispatches: [{ label: "chain", wgsl, bindings, workgroups: [1, 1, 1] as const }],
  };
  const outputs = [{ dtype: "float32", dims: [4] } as const];
  return BoundProgram.bind(gpu, program, { inputs: [], operands: [], outputs });
}

test("more work takes longer, and every piece of work gets its samples", async () => {
  const [short, long] = [await chain(200_000), await chain(2_000_000)];
  const rounds: number[] = [];
  const timings = await timePrograms(gpu, [short, long], {
    warmUpMs: 1,
    samples: 4,
    sampleMs: 0.5,
    onRound: (done) => rounds.push(done),
  });
  expect(rounds).toEqual([1, 2, 3, 4]);
  for (const { ms, repeats } of timings) {
    expect(ms).toHaveLength(4);
    expect(repeats).toBeGreaterThanOrEqual(1);
  }
  const [least, most] = [Math.min(...timings[0]!.ms), Math.min(...timings[1]!.ms)];
  expect(least).toBeGreaterThan(0);
  // Ten times the work: anything but a clock that does not measure it gives more than twice.
  expect(most / least).toBeGreaterThan(2);
  short.destroy();
  long.destroy();
});

test("with no time left, three samples are taken", async () => {
  const bound = await chain(1000);
  const [timing] = await timePrograms(gpu, [bound], { warmUpMs: 0, samples: 20, budgetMs: 0 });
  expect(timing!.ms).toHaveLength(3);
  expect(timing!.repeats).toBeGreaterThan(1);
  bound.destroy();
});

test("without timestamps the wall clock is taken", async () => {
  const { queue } = gpu.device;
  const createCommandEncoder = () => gpu.device.createCommandEncoder();
  const device = { features: new Set<string>(), queue, createCommandEncoder };
  const watch = gpu.watch.bind(gpu);
  const bound = await chain(2_000_000);
  const [timing] = await timePrograms({ device, watch } as unknown as Gpu, [bound], {
    warmUpMs: 0,
    samples: 3,
    sampleMs: 2,
  });
  expect(timing!.source).toBe("wall");
  // Two million steps, one after the other, take longer on anything that is made.
  expect(Math.min(...timing!.ms)).toBeGreaterThan(0.5);
  bound.destroy();
});
