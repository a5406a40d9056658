import type { Dispatch, Program } from "../kernels/kernel.ts";
import type { CompiledShader } from "./compiled.ts";
import type { DispatchWork } from "./dispatch-time.ts";
import type { Machine } from "./machine.ts";
import type { ShaderIdentity } from "./shader-key.ts";
import type { Traffic } from "./traffic.ts";

/** Multiplications of a dispatch. */
export interface Multiplications {
  /** Of one lane, over all iterations of the loop. */
  readonly perLane: number;
  /** Of all lanes, those included that are beyond the result's edge. */
  readonly done: number;
}

export const groupsOf = ({ workgroups }: Dispatch): number => workgroups.reduce((a, b) => a * b, 1);

export function threadsOf({ wgsl }: Dispatch): number {
  const sizes = /@workgroup_size\(([^)]*)\)/.exec(wgsl)?.[1] ?? "1";
  return sizes.split(",").reduce((product, size) => product * Number(size), 1);
}

/** A size of a dispatch: a constant of its shader, or passed in (`declare` in kernels/wgsl.ts). */
function param({ wgsl, bindings }: Dispatch, name: string): number | undefined {
  const fields = /struct Params \{([^}]*)\}/.exec(wgsl)?.[1] ?? "";
  const names: readonly string[] = fields.match(/\w+(?=: u32)/g) ?? [];
  const at = names.indexOf(name);
  const constants = /^const params = Params\((.*)\);$/m.exec(wgsl)?.[1]?.split(", ");
  if (constants)
    return constants[at] === undefined ? undefined : Number.parseInt(constants[at], 10);
  const passed = bindings.find((b) => b.kind === "params");
  return passed?.kind === "params" ? passed.data[at] : undefined;
}

/** The slices that one workgroup of a tiled product sums over; undefined for other dispatches. */
function slicesOf(dispatch: Dispatch): number | undefined {
  return param(dispatch, "slicesPerSplit");
}

/**
 * How often lanes multiply. A tile does so for its whole area, whatever of it lies within the
 * result; other loops share out what the layer's definition asks for.
 */
export function multiplicationsOf(
  { config, dispatch }: ShaderIdentity,
  { dispatches }: Program,
  flop: number,
): Multiplications {
  const lanes = groupsOf(dispatch) * threadsOf(dispatch);
  const slices = slicesOf(dispatch);
  const { tileN, rows, cols, depth } = config as Readonly<Record<string, number>>;
  if (slices !== undefined && tileN && rows && cols && depth) {
    // Of a depthwise separable convolution, each element of A is computed as it is loaded.
    const taps = param(dispatch, "taps") ?? 0;
    const perLane = rows * cols * depth * slices * (1 + taps / tileN);
    return { perLane, done: perLane * lanes };
  }
  const isAlone = dispatches.length === 1;
  return { perLane: isAlone ? flop / 2 / lanes : 0, done: isAlone ? flop / 2 : 0 };
}

/** Bytes that a workgroup of a tile loads; of other dispatches, its part of what they touch. */
function loadedBytes({ config, dispatch }: ShaderIdentity, traffic: Traffic): number {
  const slices = slicesOf(dispatch);
  const { tileM, tileN, depth } = config as Readonly<Record<string, number>>;
  if (slices === undefined || !tileM || !tileN || !depth) {
    return (traffic.memory + traffic.cached) / groupsOf(dispatch);
  }
  const element = /@binding\(0\)[^\n]*f16/.test(dispatch.wgsl) ? 2 : 4;
  // A pixel and a weight for each tap, where A is computed as it is loaded.
  const loadsOfA = 2 * (param(dispatch, "taps") ?? 0.5);
  return slices * depth * (loadsOfA * tileM + tileN) * element;
}

/** What a dispatch asks of a machine, from its compiled code. */
export function workOf(
  shader: ShaderIdentity,
  compiled: CompiledShader,
  { perLane }: Multiplications,
  traffic: Traffic,
  machine: Machine,
): DispatchWork {
  const wavesPerGroup = Math.ceil(threadsOf(shader.dispatch) / compiled.wave);
  const byWaves = Math.floor((compiled.wavesPerSimd * machine.simds) / wavesPerGroup);
  const byMemory = Math.floor(machine.sharedBytes / Math.max(1, compiled.sharedBytes));
  const { multiplications } = compiled;
  return {
    code: compiled.code,
    iterations: multiplications === 0 ? 0 : perLane / multiplications,
    workgroups: groupsOf(shader.dispatch),
    wavesPerGroup,
    groupsPerUnit: Math.max(1, Math.min(byWaves, byMemory)),
    loadedBytes: loadedBytes(shader, traffic),
    memoryBytes: traffic.memory,
    cachedBytes: traffic.cached,
  };
}
