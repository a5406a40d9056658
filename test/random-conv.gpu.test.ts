import { afterAll, beforeAll, expect, test } from "vitest";
import { type Gpu, openGpu, runProgram } from "../src/gpu/index.ts";
import { convComputed } from "../src/kernels/conv-computed.ts";
import { convWinograd } from "../src/kernels/conv-winograd.ts";
import type { OpCase } from "../src/ops/case.ts";
import { conv } from "../src/ops/conv.ts";
import { readyCase, relativeError, seeded } from "./cases.ts";

const total = 200;
const perTest = 25;

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.destroy());

/** A convolution drawn at random: channels 1 to 70, kernels 1 to 7, batch 1 to 3. */
function randomConv(seed: number): OpCase {
  const next = seeded(seed);
  const pick = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  const kernel = [pick(1, 7), pick(1, 7)] as const;
  const dilation = [pick(1, 3), pick(1, 3)] as const;
  const kind = pick(0, 3);
  const group = kind === 0 ? pick(2, 5) : kind === 1 ? pick(1, 70) : 1;
  const isDepthwise = kind === 1;
  const perGroupIn = isDepthwise ? 1 : pick(1, Math.floor(70 / group));
  const perGroupOut = isDepthwise ? (pick(1, 10) > 8 ? 2 : 1) : pick(1, Math.floor(70 / group));
  const pads = [pick(0, 3), pick(0, 3), pick(0, 3), pick(0, 3)] as const;
  const size = [0, 1].map((i) => {
    const least = (kernel[i]! - 1) * dilation[i]! + 1 - pads[i]! - pads[i + 2]!;
    return Math.max(1, least) + pick(0, 9);
  });
  const channels = group * perGroupIn;
  const filters = group * perGroupOut;
  const layout = pick(0, 3) === 0 ? "NCHW" : "NHWC";
  const batch = pick(1, 3);
  const dims = layout === "NHWC" ? [batch, ...size, channels] : [batch, channels, ...size];
  return {
    name: `seed ${seed}`,
    inputs: [
      { dims },
      { dims: [filters, perGroupIn, ...kernel], constant: true },
      pick(0, 1) === 1 ? { dims: [filters], constant: true } : undefined,
    ],
    attributes: {
      layout,
      group,
      pads,
      dilations: dilation,
      strides: [pick(1, 3), pick(1, 3)],
    },
  };
}

/** Every kernel that takes the problem, in its preferred configuration, against the reference. */
async function check(opCase: OpCase): Promise<string[]> {
  const { problem, inputs, outputs, expected } = readyCase(conv, opCase);
  const failures: string[] = [];
  for (const kernel of conv.kernels) {
    if (kernel.supports(problem) !== true) continue;
    const config = kernel
      .configs(problem, gpu.traits)
      .find((c) => kernel.fits(c, problem, gpu.traits) === true);
    if (!config) continue;
    const program = kernel.build(problem, config, { specialize: false });
    const [actual] = await runProgram(gpu, program, { inputs, operands: [], outputs });
    const error = relativeError(actual!, expected[0]!);
    if (!(error < 1e-5)) failures.push(`${opCase.name}, ${kernel.name}: relative error ${error}`);
  }
  return failures;
}

const starts = Array.from({ length: total / perTest }, (_, i) => 1 + i * perTest);

test.each(starts)("random convolutions from seed %i", async (start) => {
  const failures: string[] = [];
  for (let seed = start; seed < start + perTest; seed++) {
    failures.push(...(await check(randomConv(seed))));
  }
  expect(failures).toEqual([]);
});

// Winograd pays for larger pictures only; tiles.gpu.test.ts computes with it. Weights are constants
// here; random-conv-grad.gpu.test.ts computes with others.
test("the drawn convolutions reach every other kernel", () => {
  const reached = new Set<string>();
  for (let seed = 1; seed <= total; seed++) {
    const { problem } = readyCase(conv, randomConv(seed));
    const first = conv.kernels.find((k) => k.supports(problem) === true);
    reached.add(first!.name);
  }
  const others = conv.kernels.filter((k) => k !== convWinograd && k !== convComputed);
  expect([...reached].sort()).toEqual(others.map((k) => k.name).sort());
});
