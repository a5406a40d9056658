import { messageOf, RekindleError } from "../errors.ts";
import { BoundProgram, type Gpu } from "../gpu/index.ts";
import type { Config, DeviceTraits, Problem, Program } from "../kernels/kernel.ts";
import { conv } from "../ops/conv.ts";
import { chooseKernel } from "../session/choose-kernel.ts";
import type { Precision } from "../session/types.ts";
import { buildOptions } from "../tunings/shader-hash.ts";
import type { Choice, Lookup } from "../tunings/tuning.ts";
import { type ConvCase, type ConvCheck, checkConv, convCase } from "./conv-case.ts";
import { type ConvLayer, flopOfLayer, nameOfLayer, outputSizeOf } from "./conv-layer.ts";
import { tolerances } from "./relative-error.ts";
import { boundMs, type Roofline } from "./roofline.ts";
import { type Spread, spreadOf } from "./statistics.ts";
import { type TimingOptions, timePrograms } from "./time-program.ts";
import type { ClockSource } from "./timer.ts";

export type { Precision };

/** A convolution with its batch. */
export interface ConvPoint {
  readonly layer: ConvLayer;
  readonly batch: number;
}

/** A convolution's time on the device, with what it is compared with. */
export interface ConvTime {
  readonly name: string;
  readonly batch: number;
  readonly precision: Precision;
  readonly flop: number;
  readonly bytes: number;
  readonly kernel: string;
  readonly config: Config;
  readonly check: ConvCheck;
  readonly clock: ClockSource;
  readonly repeats: number;
  readonly onDeviceMs: Spread;
  readonly teraflopPerSecond: number;
  readonly gigabytesPerSecond: number;
  readonly boundMs: number;
  /** The bound's part of the time: above 1 where Winograd saves operations. */
  readonly ofRoofline: number;
}

/** A convolution that has no time, and why: it gave wrong numbers, or could not run. */
export interface ConvFailure {
  readonly name: string;
  readonly batch: number;
  readonly precision: Precision;
  readonly kind: "wrong" | "refused";
  readonly reason: string;
}

export interface ConvOptions {
  readonly precision: Precision;
  readonly roofline: Roofline;
  readonly timing: TimingOptions;
  readonly lookup?: Lookup | undefined;
  /** Stop before the next group of points when this moment (of `performance.now`) has passed. */
  readonly deadline?: number;
  readonly onProgress?: (done: number, total: number, name: string) => void;
}

/** What is bound at a time; points within a group take turns. */
const groupBytesMax = 768 * 2 ** 20;
const groupPointsMax = 8;

/**
 * Checks every convolution against the reference, then times it. Groups of points take turns;
 * there are as many groups as memory asks for. Gives fewer results than points only where the
 * deadline passes.
 */
export async function measureConvs(
  gpu: Gpu,
  points: readonly ConvPoint[],
  options: ConvOptions,
): Promise<(ConvTime | ConvFailure)[]> {
  const results: (ConvTime | ConvFailure)[] = [];
  for (const group of groupsOf(points)) {
    if (performance.now() > (options.deadline ?? Number.POSITIVE_INFINITY)) break;
    const report = (done: number, name: string) =>
      options.onProgress?.(results.length + done, points.length, name);
    try {
      results.push(...(await measureGroup(gpu, group, options, report)));
    } catch (error) {
      if (!(error instanceof RekindleError)) throw error;
      results.push(...group.map((point) => failureOf(point, options, "refused", error.message)));
    }
  }
  return results;
}

function failureOf(
  { layer, batch }: ConvPoint,
  { precision }: ConvOptions,
  kind: ConvFailure["kind"],
  reason: string,
): ConvFailure {
  return { name: nameOfLayer(layer), batch, precision, kind, reason };
}

function groupsOf(points: readonly ConvPoint[]): ConvPoint[][] {
  const groups: ConvPoint[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const point of points) {
    const own = bytesOfPoint(point);
    const current = groups.at(-1);
    if (!current || current.length >= groupPointsMax || bytes + own > groupBytesMax) {
      groups.push([point]);
      bytes = own;
    } else {
      current.push(point);
      bytes += own;
    }
  }
  return groups;
}

/** Bytes of a convolution's input, weights and output in float32. */
function tensorBytes({ layer, batch }: ConvPoint): number[] {
  const { C, H, W, K, R, S, G } = layer;
  const { P, Q } = outputSizeOf(layer);
  return [4 * batch * C * H * W, (4 * K * C * R * S) / G, 4 * batch * K * P * Q];
}

/** Bytes of a convolution's input, weights and output together, in float32. */
export function bytesOfPoint(point: ConvPoint): number {
  return tensorBytes(point).reduce((sum, bytes) => sum + bytes);
}

/** A convolution that has passed its check. */
interface Ready {
  readonly conv: Omit<ConvCase, "inputs" | "problem">;
  readonly choice: Choice;
  readonly check: ConvCheck;
  readonly bound: BoundProgram;
}

async function measureGroup(
  gpu: Gpu,
  points: readonly ConvPoint[],
  options: ConvOptions,
  report: (done: number, name: string) => void,
): Promise<(ConvTime | ConvFailure)[]> {
  const prepared: (Ready | ConvFailure)[] = [];
  try {
    for (const [i, point] of points.entries()) {
      report(i, nameOfLayer(point.layer));
      prepared.push(await prepare(gpu, point, options));
    }
    const ready = prepared.filter((p) => "bound" in p);
    const timings = await timePrograms(
      gpu,
      ready.map(({ bound }) => bound),
      options.timing,
    );
    return prepared.map((p) => {
      if (!("bound" in p)) return p;
      const { ms, source, repeats } = timings[ready.indexOf(p)]!;
      return timeOf(p, spreadOf(ms), { clock: source, repeats }, options);
    });
  } finally {
    for (const p of prepared) if ("bound" in p) p.bound.destroy();
  }
}

async function prepare(
  gpu: Gpu,
  point: ConvPoint,
  options: ConvOptions,
): Promise<Ready | ConvFailure> {
  const { precision, lookup, roofline } = options;
  const refused = (reason: string) => failureOf(point, options, "refused", reason);
  const tooLarge = whyTooLarge(gpu, point, precision, roofline);
  if (tooLarge !== undefined) return refused(tooLarge);
  const { inputs, problem, ...conv } = convCase(
    point.layer,
    point.batch,
    precision === "f32" ? "float32" : "float16",
  );
  const traits = { ...gpu.traits, multipliesHalf: precision === "f16" };
  const choice = choose(problem, traits, lookup);
  if (typeof choice === "string") return refused(choice);
  let bound: BoundProgram | undefined;
  try {
    const program: Program = choice.kernel.build(problem, choice.config, buildOptions(traits));
    const data = { inputs, operands: [], outputs: conv.outputs };
    bound = await BoundProgram.bind(gpu, program, data);
    const [actual] = await bound.run();
    const check = checkConv({ ...conv, inputs, problem }, actual!);
    const tolerance = tolerances[precision];
    if (check.relativeL2 <= tolerance) return { conv, choice, check, bound };
    bound.destroy();
    const what = `${choice.kernel.name}: relative error ${check.relativeL2.toExponential(1)}`;
    return failureOf(point, options, "wrong", `${what}, at most ${tolerance} is right`);
  } catch (error) {
    bound?.destroy();
    if (!(error instanceof RekindleError) || error.code === "device-lost") throw error;
    return refused(messageOf(error));
  }
}

/** Drivers reset a GPU that is busy with one dispatch for longer. */
const dispatchMsMax = 2000;

/** Why a point is not even tried, before memory is taken for it. */
function whyTooLarge(
  gpu: Gpu,
  point: ConvPoint,
  precision: Precision,
  roofline: Roofline,
): string | undefined {
  const bytes = bytesOfPoint(point);
  const { maxStorageBufferBindingSize: largest } = gpu.traits;
  const one = Math.max(...tensorBytes(point));
  if (one > largest) return `needs a buffer of ${one} bytes, the device has at most ${largest}`;
  const ms = boundMs(roofline, { flop: point.batch * flopOfLayer(point.layer), bytes, precision });
  if (ms <= dispatchMsMax) return undefined;
  return `would take ${Math.ceil(ms)} ms at the least, more than ${dispatchMsMax} ms hang a GPU`;
}

function choose(problem: Problem, device: DeviceTraits, lookup: Lookup | undefined) {
  const found = lookup?.(conv.kernels, problem, device)?.choice;
  const choice = found ?? chooseKernel(conv.kernels, problem, device);
  return "kernel" in choice ? choice : choice.reasons.join("; ");
}

function timeOf(
  { conv, choice, check }: Ready,
  onDeviceMs: Spread,
  clock: Pick<ConvTime, "clock" | "repeats">,
  { precision, roofline }: ConvOptions,
): ConvTime {
  const { layer, batch, bytes } = conv;
  const flop = batch * flopOfLayer(layer);
  const bound = boundMs(roofline, { flop, bytes, precision });
  return {
    name: nameOfLayer(layer),
    batch,
    precision,
    flop,
    bytes,
    kernel: choice.kernel.name,
    config: choice.config,
    check,
    ...clock,
    onDeviceMs,
    teraflopPerSecond: flop / onDeviceMs.median / 1e9,
    gigabytesPerSecond: bytes / onDeviceMs.median / 1e6,
    boundMs: bound,
    ofRoofline: bound / onDeviceMs.median,
  };
}
