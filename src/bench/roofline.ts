import type { Gpu } from "../gpu/index.ts";
import { BoundProgram } from "../gpu/index.ts";
import type { Program } from "../kernels/kernel.ts";
import type { Precision } from "../session/types.ts";
import { normalTensor } from "./random.ts";
import { spreadOf } from "./statistics.ts";
import { timePrograms } from "./time-program.ts";

/** Bytes per second that a copy moves, reads and writes together, for one size of data. */
export interface Bandwidth {
  /** Bytes read and written by one copy; small ones stay in caches between repeats. */
  readonly bytes: number;
  readonly bytesPerSecond: number;
}

/** What a device can do at best, as measured. */
export interface Roofline {
  /** Floating-point operations per second, a multiplication and addition counting as two. */
  readonly flopPerSecond: { readonly f32: number; readonly f16?: number };
  /** From small to large; the last one is that of the device's memory. */
  readonly bandwidth: readonly Bandwidth[];
}

/**
 * Measures a device's highest rate of multiplications and additions, and the bandwidth of copies
 * of several sizes, in a few seconds. Method: Williams, Waterman, Patterson, "Roofline: an
 * insightful visual performance model for multicore architectures", 2009.
 *
 * @example
 * const roofline = await measureRoofline(gpu);
 * boundMs(roofline, { flop: 2e9, bytes: 1e6, precision: "f32" });
 */
export async function measureRoofline(
  gpu: Gpu,
  onStep: (step: string) => void = () => {},
): Promise<Roofline> {
  onStep("peak of float32");
  const f32 = await measurePeak(gpu, "f32");
  if (gpu.traits.hasF16) onStep("peak of float16");
  const f16 = gpu.traits.hasF16 ? await measurePeak(gpu, "f16") : undefined;
  const bandwidth: Bandwidth[] = [];
  for (const mebibytes of gpu.traits.isSoftware ? [1, 4, 32] : [1, 4, 16, 64, 256, 512]) {
    const bytes = mebibytes * 2 ** 20;
    if (bytes / 2 > gpu.traits.maxStorageBufferBindingSize) break;
    onStep(`bandwidth at ${mebibytes} MiB`);
    bandwidth.push({ bytes, bytesPerSecond: await measureCopy(gpu, bytes) });
  }
  return { flopPerSecond: { f32, ...(f16 !== undefined && { f16 }) }, bandwidth };
}

/** What a piece of work asks of a device. */
export interface Work {
  readonly flop: number;
  readonly bytes: number;
  readonly precision: Precision;
}

/**
 * The least milliseconds that work can take: for its arithmetic, or for moving its bytes once, at
 * the bandwidth measured with as many bytes. Winograd's kernels may take less: they do fewer
 * operations than the definition, which `flop` counts.
 */
export function boundMs({ flopPerSecond, bandwidth }: Roofline, work: Work): number {
  const peak = (work.precision === "f16" ? flopPerSecond.f16 : undefined) ?? flopPerSecond.f32;
  return 1000 * Math.max(work.flop / peak, work.bytes / bandwidthAt(bandwidth, work.bytes));
}

/** Bytes per second for data of a size: linear in its logarithm between the measured ones. */
export function bandwidthAt(bandwidth: readonly Bandwidth[], bytes: number): number {
  const above = bandwidth.findIndex((b) => b.bytes >= bytes);
  if (above <= 0) return bandwidth.at(above)!.bytesPerSecond;
  const [a, b] = [bandwidth[above - 1]!, bandwidth[above]!];
  const part = Math.log(bytes / a.bytes) / Math.log(b.bytes / a.bytes);
  return a.bytesPerSecond + part * (b.bytesPerSecond - a.bytesPerSecond);
}

const threads = 256;

/** Chains of dependent operations in a thread, each four wide: enough to hide their latency. */
const chains = 8;
const rounds = 64;
const perRound = 8;

/** A kernel that multiplies and adds in registers alone. */
function peakProgram(precision: "f32" | "f16", workgroups: number): Program {
  const indices = Array.from({ length: chains }, (_, i) => i);
  const T = `vec4<${precision}>`;
  const step = indices.map((i) => `v${i} = fma(v${i}, a, b);`).join(" ");
  // The factors come from memory, and the sum goes there, so that nothing can be left out.
  const wgsl = `${precision === "f16" ? "enable f16;" : ""}
@group(0) @binding(0) var<storage, read> factors: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(${threads})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let a = ${T}(factors[0]);
  let b = ${T}(factors[1]);
  ${indices.map((i) => `var v${i} = ${T}(${precision}(id.x % 64u + ${i}u));`).join("\n  ")}
  for (var i = 0u; i < ${rounds}u; i++) {
    ${Array.from({ length: perRound }, () => step).join("\n    ")}
  }
  let sum = ${indices.map((i) => `v${i}`).join(" + ")};
  let all = f32(sum.x + sum.y + sum.z + sum.w);
  if (all == 12345.678) { y[0] = all; }
}
`;
  const bindings = [
    { kind: "packed", index: 0 },
    { kind: "output", index: 0 },
  ] as const;
  const make = () => new Float32Array([0.5, 0.25, 0.75, 0.625, 0.5, 0.25, 0.125, 0.375]);
  return {
    dispatches: [{ label: `peak ${precision}`, wgsl, bindings, workgroups: [workgroups, 1, 1] }],
    packed: [{ bytes: 32, key: "factors", inputs: [], make }],
  };
}

const flopPerWorkgroup = 2 * 4 * threads * chains * rounds * perRound;

/** A dispatch should last so long that its beginning and end do not count. */
const peakMsMin = 2;

async function measurePeak(gpu: Gpu, precision: "f32" | "f16"): Promise<number> {
  const most = gpu.traits.maxComputeWorkgroupsPerDimension;
  let workgroups = gpu.traits.isSoftware ? 16 : 8 * gpu.traits.cores;
  let warmUpMs = 500;
  for (;;) {
    const program = peakProgram(precision, workgroups);
    const ms = await timeProgram(gpu, program, 4, warmUpMs);
    const isLast = workgroups >= most;
    if (ms >= peakMsMin || isLast) return (1000 * workgroups * flopPerWorkgroup) / ms;
    workgroups = Math.min(most, Math.ceil(workgroups * Math.min(8, (1.5 * peakMsMin) / ms)));
    warmUpMs = 0;
  }
}

/** A kernel that copies vectors of four; every thread takes four, a workgroup's width apart. */
const copyWgsl = `@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * ${4 * threads}u + lane;
  let a = x[first];
  let b = x[first + ${threads}u];
  let c = x[first + ${2 * threads}u];
  let d = x[first + ${3 * threads}u];
  y[first] = a;
  y[first + ${threads}u] = b;
  y[first + ${2 * threads}u] = c;
  y[first + ${3 * threads}u] = d;
}
`;

const bytesPerWorkgroup = 16 * 4 * threads;

async function measureCopy(gpu: Gpu, bytes: number): Promise<number> {
  const workgroups = bytes / 2 / bytesPerWorkgroup;
  const bindings = [
    { kind: "packed", index: 0 },
    { kind: "output", index: 0 },
  ] as const;
  const make = () => normalTensor("float32", [bytes / 8], 1).data;
  const program: Program = {
    dispatches: [{ label: "copy", wgsl: copyWgsl, bindings, workgroups: [workgroups, 1, 1] }],
    packed: [{ bytes: bytes / 2, key: "copied", inputs: [], make }],
  };
  return (1000 * bytes) / (await timeProgram(gpu, program, bytes / 8, 100));
}

/** The median of a program's time, with one float32 output of a length. */
async function timeProgram(
  gpu: Gpu,
  program: Program,
  length: number,
  warmUpMs: number,
): Promise<number> {
  const outputs = [{ dtype: "float32", dims: [length] } as const];
  const bound = await BoundProgram.bind(gpu, program, { inputs: [], operands: [], outputs });
  try {
    const [timing] = await timePrograms(gpu, [bound], { warmUpMs, samples: 10, budgetMs: 500 });
    return spreadOf(timing!.ms).median;
  } finally {
    bound.destroy();
  }
}
