import { RekindleError } from "../errors.ts";
import type { Gpu } from "../gpu/index.ts";
import { convGemm } from "../kernels/conv-gemm.ts";
import { convWinograd } from "../kernels/conv-winograd.ts";
import type { BuildOptions, Kernel, Program } from "../kernels/kernel.ts";
import { Tensor } from "../tensor/index.ts";
import { buildOptions } from "../tunings/shader-hash.ts";
import { type ConvCase, checkConv, convCase } from "./conv-case.ts";

/** Sizes of a 3x3 convolution with stride 1 and a border of zeros. */
export interface LadderSize {
  readonly batch: number;
  readonly channels: number;
  readonly filters: number;
  /** Height and width of the picture. */
  readonly side: number;
}

/** One version of the same convolution, from naive to tuned. */
export interface LadderStep {
  readonly name: string;
  /** The first line of its comment. */
  readonly title: string;
  readonly program: Program;
  readonly inputs: readonly Tensor[];
  /** Relative error (L2) of its result against the reference. */
  check(output: Tensor): number;
  readonly outputDims: readonly number[];
}

/** The convolution that all steps compute; its bias is zero, for the steps have none. */
export function ladderCase({ batch, channels, filters, side }: LadderSize): ConvCase {
  const shape = { C: channels, H: side, W: side, K: filters, R: 3, S: 3 };
  const wrong = [channels, filters].find((count) => count < 16 || count % 16 !== 0);
  if (wrong !== undefined) {
    throw new RekindleError("usage", `the ladder's kernels cannot take ${wrong} channels`, {
      fix: "choose multiples of 16",
    });
  }
  return convCase({ ...shape, stride: 1, dilation: 1, G: 1 }, batch, "float32", 0);
}

/**
 * A step from its file: sizes are put before the text, and two lines of its comment say how data
 * lie in memory and how many workgroups it takes.
 *
 * @example ladderStep("01-naive.wgsl", text, ladderCase(size), buildOptions(gpu.traits));
 */
export function ladderStep(
  file: string,
  text: string,
  conv: ConvCase,
  { specialize }: BuildOptions,
): LadderStep {
  const { C, H, W, K, R, S } = conv.layer;
  const sizes: Record<string, number> = { N: conv.batch, C, H, W, K, R, S };
  const isLast = directive(file, text, "layout") === "channels last";
  const workgroups = workgroupsOf(directive(file, text, "workgroups"), sizes);
  const { head, binding } = sizesAs(sizes, specialize);
  const [x, weights] = conv.inputs;
  const bindings = [
    { kind: "input", index: 0 },
    { kind: "input", index: 1 },
    { kind: "output", index: 0 },
    ...binding,
  ] as const;
  const name = file.replace(/\.wgsl$/, "");
  return {
    name,
    title: text.slice(3, text.indexOf("\n")),
    program: { dispatches: [{ label: name, wgsl: head + text, bindings, workgroups }] },
    inputs: isLast ? [x, permuted(weights, [2, 3, 1, 0])] : [permuted(x, [0, 3, 1, 2]), weights],
    outputDims: isLast ? [conv.batch, H, W, K] : [conv.batch, K, H, W],
    check: (y) => checkConv(conv, isLast ? y : permuted(y, [0, 2, 3, 1])).relativeL2,
  };
}

/** The engine's own kernels as the last steps; those that do not suit the device are left out. */
export function engineSteps(gpu: Gpu, conv: ConvCase): LadderStep[] {
  const kernels: readonly (readonly [Kernel, string])[] = [
    [convGemm, "The engine's implicit GEMM: its text unrolled, the tile chosen by an estimate."],
    [convWinograd, "The engine's Winograd F(4x4, 3x3): a quarter of the multiplications."],
  ];
  return kernels.flatMap(([kernel, title]) => {
    if (kernel.supports(conv.problem) !== true) return [];
    const configs = kernel.configs(conv.problem, gpu.traits);
    const config = configs.find((c) => kernel.fits(c, conv.problem, gpu.traits) === true);
    if (!config) return [];
    const program = kernel.build(conv.problem, config, buildOptions(gpu.traits));
    const { inputs } = conv;
    const outputDims = conv.outputs[0]!.dims;
    const check = (y: Tensor) => checkConv(conv, y).relativeL2;
    return [{ name: kernel.name, title, program, inputs, outputDims, check }];
  });
}

/** `params` as a constant, which drivers fold, or as a uniform, which is compiled sooner. */
function sizesAs(sizes: Record<string, number>, specialize: boolean) {
  const members = Object.keys(sizes).map((name) => `${name}: u32`);
  const struct = `struct Params { ${members.join(", ")} }\n`;
  const values = Object.values(sizes);
  if (specialize) {
    const list = values.map((value) => `${value}u`).join(", ");
    return { head: `${struct}const params = Params(${list});\n`, binding: [] };
  }
  return {
    head: `${struct}@group(0) @binding(3) var<uniform> params: Params;\n`,
    binding: [{ kind: "params", data: Uint32Array.from([...values, 0]) } as const],
  };
}

/** "// NAME: VALUE" in a step's comment. */
function directive(file: string, text: string, name: string): string {
  const found = new RegExp(`^// ${name}: (.+)$`, "m").exec(text)?.[1];
  if (found !== undefined) return found;
  throw new RekindleError("file-invalid", `${file} has no line "// ${name}: ..."`);
}

const perDimensionMax = 65_535;

/** "W/8, H/8, N*K/4" as counts; a single one that is too large is folded into two. */
function workgroupsOf(text: string, sizes: Record<string, number>): [number, number, number] {
  const counts = text.split(",").map((part) => {
    const [product, divisor] = part.trim().split("/");
    const total = product!.split("*").reduce((all, name) => all * sizes[name.trim()]!, 1);
    return Math.ceil(total / Number(divisor));
  });
  const [x = 1, y = 1, z = 1] = counts;
  if (counts.length > 1 || x <= perDimensionMax) return [x, y, z];
  const folded = Math.ceil(x / perDimensionMax);
  return [Math.ceil(x / folded), folded, 1];
}

/** A tensor of four axes with its axes in another order; `order` lists the old ones. */
function permuted({ dtype, data, dims }: Tensor, order: readonly number[]): Tensor {
  const strides = [dims[1]! * dims[2]! * dims[3]!, dims[2]! * dims[3]!, dims[3]!, 1];
  const [d0, d1, d2, d3] = order.map((axis) => dims[axis]!) as [number, number, number, number];
  const [s0, s1, s2, s3] = order.map((axis) => strides[axis]!) as [number, number, number, number];
  const out = new Float32Array(data.length);
  let to = 0;
  for (let i = 0; i < d0; i++)
    for (let j = 0; j < d1; j++)
      for (let k = 0; k < d2; k++)
        for (let l = 0; l < d3; l++) {
          out[to++] = data[i * s0 + j * s1 + k * s2 + l * s3] as number;
        }
  return new Tensor(dtype, out, [d0, d1, d2, d3]);
}
