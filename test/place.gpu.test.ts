import { afterAll, beforeAll, expect, test } from "vitest";
import { type Gpu, openGpu, runProgram } from "../src/gpu/index.ts";
import { convGemm } from "../src/kernels/conv-gemm.ts";
import { convWinograd } from "../src/kernels/conv-winograd.ts";
import type { Config, Kernel, Place, Problem } from "../src/kernels/kernel.ts";
import { onGpu } from "../src/kernels/wgsl.ts";
import { type OpCase, random, weight } from "../src/ops/case.ts";
import { conv } from "../src/ops/conv.ts";
import { ops } from "../src/ops/index.ts";
import { type Shape, sizeOf, Tensor } from "../src/tensor/index.ts";
import { expectClose, type ReadyCase, readyCase } from "./cases.ts";
import { fused } from "./fused.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.destroy());

/** A place with room before, between and behind; undefined where the last axis is not aligned. */
function placeOf(dims: Shape): Place | undefined {
  const run = dims.at(-1) ?? 1;
  return run > 0 && run % 4 === 0 ? { run, pitch: run + 12, first: 8 } : undefined;
}

const rowsOf = (dims: Shape, { run }: Place): number => sizeOf(dims) / run;

/** The memory around a value: NaN where it does not lie. */
function embedded(value: Tensor, place: Place): Tensor {
  const memory = new Float32Array(rowsOf(value.dims, place) * place.pitch).fill(Number.NaN);
  const numbers = value.toNumbers();
  numbers.forEach((v, i) => {
    memory[Math.floor(i / place.run) * place.pitch + place.first + (i % place.run)] = v;
  });
  return Tensor.from(value.dtype, memory, [memory.length]);
}

/** The inverse of `embedded`. Fails where anything was written beside the value. */
function extracted(memory: Tensor, dims: Shape, place: Place): Tensor {
  const numbers = memory.toNumbers();
  const isInside = (i: number) => {
    const at = (i % place.pitch) - place.first;
    return at >= 0 && at < place.run;
  };
  expect([...numbers].some((v, i) => !isInside(i) && !Number.isNaN(v))).toBe(false);
  return Tensor.from(
    memory.dtype,
    numbers.filter((_, i) => isInside(i)),
    dims,
  );
}

/** The problem with the output, or the inputs, inside larger values; undefined: not possible. */
function placedProblem(kernel: Kernel, problem: Problem, what: "output" | "inputs") {
  if (what === "output") {
    const [out] = problem.outputs;
    const place = placeOf(out!.dims);
    return place && { ...problem, outputs: [{ ...out!, place }] };
  }
  const inputs = problem.inputs.map((type, i) => {
    const isMeant = kernel.placed!.inputs === "all" || i === 0;
    const place = type && isMeant && !problem.constants[i] ? placeOf(type.dims) : undefined;
    return place ? { ...type!, place } : type;
  });
  return inputs.some((type) => type && "place" in type) ? { ...problem, inputs } : undefined;
}

interface Placeable extends Pick<ReadyCase, "problem" | "inputs" | "outputs" | "expected"> {
  readonly kernel: Kernel;
  readonly config?: Config;
  readonly operands: readonly Tensor[];
}

/** Runs a problem with its output, then with its inputs inside larger values; counts both. */
async function runPlaced(p: Placeable, ran: Record<"output" | "inputs", number>): Promise<void> {
  const { kernel, problem, operands } = p;
  const [out] = p.outputs;
  const config = p.config ?? kernel.configs(problem, gpu.traits)[0]!;
  for (const what of ["output", "inputs"] as const) {
    const placed = kernel.placed![what] && placedProblem(kernel, problem, what);
    if (!placed) continue;
    const program = kernel.build(placed, config, { specialize: false, tailor: true });
    const inputs = p.inputs.map((tensor, i) => {
      const place = placed.inputs[i]?.place;
      return tensor && place ? embedded(tensor, place) : tensor;
    });
    const { place } = placed.outputs[0]!;
    const dims = place ? [rowsOf(out!.dims, place) * place.pitch] : out!.dims;
    const outputs = [{ dtype: out!.dtype, dims }];
    const [memory] = await runProgram(gpu, program, { inputs, operands, outputs });
    const actual = place ? extracted(memory!, out!.dims, place) : memory!;
    expectClose(actual, p.expected[0]!, 1e-5, `${kernel.name}, ${what}`);
    ran[what]++;
  }
}

function takes(kernel: Kernel, { problem, outputs }: ReadyCase): boolean {
  const flowing = problem.inputs.filter((_, i) => problem.constants[i] === undefined);
  const isForKernels = [...flowing, ...outputs].every((t) => onGpu(t) && sizeOf(t?.dims ?? []) > 0);
  return isForKernels && outputs.length === 1 && kernel.supports(problem) === true;
}

/** So many cases are run with each kernel: compiling is slow. */
const casesMax = 3;

/**
 * Every kernel that claims to understand places, with one operator that lists it. Winograd takes
 * pictures too large for a case.
 */
const kernels = new Map(
  [...ops.values()].flatMap((op) =>
    op.kernels
      .filter((kernel) => kernel.placed && kernel !== convWinograd)
      .map((kernel) => [kernel.name, { op, kernel }] as const),
  ),
);

test.each([...kernels])("%s finds values inside larger ones", async (_name, { op, kernel }) => {
  const ran = { output: 0, inputs: 0 };
  for (const opCase of op.cases) {
    const ready = readyCase(op, opCase);
    if (ran.output < casesMax && takes(kernel, ready))
      await runPlaced({ ...ready, kernel, operands: [] }, ran);
  }
  for (const what of ["output", "inputs"] as const) {
    expect(ran[what] > 0, what).toBe(kernel.placed![what] !== undefined);
  }
});

const picture: OpCase = {
  name: "3x3",
  inputs: [random([2, 9, 7, 8]), weight([12, 8, 3, 3]), weight([12])],
  attributes: { layout: "NHWC", pads: [1, 1, 1, 1] },
};
const tile = { tileM: 16, tileN: 32, depth: 32, rows: 4, cols: 4, stages: 1, unroll: false };
const whole = { ...tile, half: false, splits: 1 };

test.each<[string, Kernel, Config]>([
  ["Winograd, in chunks", convWinograd, { ...whole, outputs: 2, chunkMebibytes: 0.02 }],
  ["split sums", convGemm, { ...whole, splits: 2 }],
])("%s, with fused steps", async (_name, kernel, config) => {
  const ready = readyCase(conv, picture);
  const ran = { output: 0, inputs: 0 };
  await runPlaced({ ...ready, ...fused(ready), kernel, config }, ran);
  expect(ran).toEqual({ output: 1, inputs: 1 });
});

test("a sum of so many inputs that it takes two dispatches", async () => {
  const op = ops.get("Sum")!;
  const inputs = Array.from({ length: 9 }, () => random([3, 8]));
  const ready = readyCase(op, { name: "nine", inputs });
  const kernel = op.kernels[0]!;
  const ran = { output: 0, inputs: 0 };
  await runPlaced({ ...ready, kernel, operands: [] }, ran);
  expect(ran).toEqual({ output: 1, inputs: 1 });
});
