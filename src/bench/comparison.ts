import type { ModelTime } from "./measure-model.ts";
import type { Spread } from "./statistics.ts";

/** How something compares with another engine, on this machine or stored. */
export interface Comparison {
  /** "ONNX Runtime WebGPU", "cuDNN". */
  readonly title: string;
  /** Where the other's time comes from, if not from here: the stored baseline's machine. */
  readonly machine?: string;
  readonly measure: "on device" | "whole";
  readonly how: string;
  readonly otherMs: number;
  readonly ownMs: number;
  /** How many times as fast this engine is: the other's time over its own. */
  readonly speedUp: number;
}

/** Comparisons with times measured in the same run, of whole runs on both sides. */
export function comparedWithRivals(model: ModelTime): Comparison[] {
  const rivals: [string, Spread | undefined][] = [
    ["ONNX Runtime WebGPU", model.ortWebgpuMs],
    ["ONNX Runtime CPU", model.ortCpuMs],
  ];
  return rivals.flatMap(([title, other]) => {
    if (!other) return [];
    const ownMs = model.wholeMs.median;
    const otherMs = other.median;
    const how = "measured here";
    return [{ title, measure: "whole", how, otherMs, ownMs, speedUp: otherMs / ownMs } as const];
  });
}

/** The geometric mean of speed-ups, the right mean for ratios. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
}
