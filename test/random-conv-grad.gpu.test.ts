import { afterAll, beforeAll, expect, test } from "vitest";
import { type Gpu, openGpu, runProgram } from "../src/gpu/index.ts";
import type { OpCase } from "../src/ops/case.ts";
import { conv } from "../src/ops/conv.ts";
import { convGradWeightOp } from "../src/ops/conv-grad-weight.ts";
import { convTranspose } from "../src/ops/conv-transpose.ts";
import type { Op } from "../src/ops/define.ts";
import { readyCase, relativeError, seeded } from "./cases.ts";

// What training computes of a convolution: it with weights of the moment, and both gradients.

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.destroy());

interface Step {
  readonly op: Op;
  readonly opCase: OpCase;
}

/** The three steps of a convolution drawn at random, channels first as PyTorch has them. */
function randomSteps(seed: number): readonly Step[] {
  const next = seeded(seed);
  const pick = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  const pair = (low: number, high: number) => [pick(low, high), pick(low, high)];
  const kernel = pair(1, 5);
  const dilations = pair(1, 3);
  const strides = pair(1, 4);
  const pads = [...pair(0, 3), ...pair(0, 3)];
  const group = pick(0, 2) === 0 ? pick(2, 4) : 1;
  const [perGroupIn, perGroupOut] = pick(0, 4) === 0 ? [1, 1] : pair(1, 14);
  const extent = kernel.map((k, i) => (k - 1) * dilations[i]! + 1);
  const size = extent.map((e, i) => Math.max(1, e - pads[i]! - pads[i + 2]!) + pick(0, 9));
  const rooms = size.map((s, i) => s + pads[i]! + pads[i + 2]! - extent[i]!);
  const output = rooms.map((room, i) => Math.floor(room / strides[i]!) + 1);
  const batch = pick(1, 3);
  const x = { dims: [batch, group * perGroupIn!, ...size] };
  const w = { dims: [group * perGroupOut!, perGroupIn!, ...kernel] };
  const dy = { dims: [batch, group * perGroupOut!, ...output] };
  const shared = { strides, dilations, pads, group };
  const output_padding = rooms.map((room, i) => room % strides[i]!);
  const step = (op: Op, inputs: OpCase["inputs"], attributes: OpCase["attributes"]): Step => ({
    op,
    opCase: { name: `${op.name}, seed ${seed}`, inputs, attributes: { ...shared, ...attributes } },
  });
  return [
    step(conv, [x, w], {}),
    step(convTranspose, [dy, w], { output_padding }),
    step(convGradWeightOp, [x, dy], { kernel_shape: kernel }),
  ];
}

/** Every kernel that takes the problem, in its preferred configuration, against the reference. */
async function check({ op, opCase }: Step): Promise<string[]> {
  const { problem, inputs, outputs, expected } = readyCase(op, opCase);
  const failures: string[] = [];
  for (const kernel of op.kernels) {
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

const seeds = Array.from({ length: 80 }, (_, i) => i + 1);

test("random convolutions with weights of the moment, and their gradients", async () => {
  const failures: string[] = [];
  for (const seed of seeds) {
    for (const step of randomSteps(seed)) failures.push(...(await check(step)));
  }
  expect(failures).toEqual([]);
});

test("the gradients are those of the convolution", () => {
  // By the chain rule <dy, conv(x, w)> = <grad_x, x> = <grad_w, w>, for any dy.
  for (const seed of seeds.slice(0, 20)) {
    const [forward, input, weight] = randomSteps(seed).map(({ op, opCase }) =>
      readyCase(op, {
        ...opCase,
        inputs: opCase.inputs.map((i) => ({ ...i!, ...filled(i!.dims) })),
      }),
    );
    const [x, w] = forward!.inputs;
    const [dy] = input!.inputs;
    const product = dot(forward!.expected[0]!, dy!);
    expect(dot(input!.expected[0]!, x!)).toBeCloseTo(product, 2);
    expect(dot(weight!.expected[0]!, w!)).toBeCloseTo(product, 2);
  }
});

/** Numbers that depend on the shape alone, so that equal tensors of different steps are equal. */
function filled(dims: readonly number[]) {
  const next = seeded(dims.reduce((hash, d) => hash * 31 + d, 7));
  const count = dims.reduce((p, d) => p * d, 1);
  return { values: Array.from({ length: count }, () => 2 * next() - 1) };
}

type Numbers = { toNumbers(): Float64Array };

function dot(a: Numbers, b: Numbers): number {
  const right = b.toNumbers();
  return a.toNumbers().reduce((sum, value, i) => sum + value * right[i]!, 0);
}
