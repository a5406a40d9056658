import type { GraphOutput } from "../graph/index.ts";
import type { DType, Tensor } from "../tensor/index.ts";
import type { TuningSource } from "../tunings/load.ts";
import type { DeviceTensor } from "./device-tensor.ts";
import type { RunFeeds } from "./lane.ts";
import type { TuningUse } from "./plan.ts";

/**
 * What a device stores values as and multiplies them in: "f32"; "f16", in both, with products
 * summed up in float16 over short stretches and in float32 beyond; "f16acc32", stored as float16
 * and computed in float32.
 */
export type Precision = "f32" | "f16" | "f16acc32";

/** A named input or output as users see it. A dimension is a size, or a name when it is free. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly (number | string)[];
}

/** One step of work that takes a while, for progress displays. */
export interface Progress {
  readonly stage: "load" | "optimize" | "pack" | "compile";
  readonly done: number;
  readonly total: number;
}

export interface SessionOptions {
  /**
   * "auto" (a GPU if there is a real one, else the CPU), "gpu" (the same, but an error without
   * one), "software" (a CPU that emulates Vulkan), "cpu" (ONNX Runtime), or part of an adapter's
   * name. Default: the environment's REKINDLE_DEVICE, or "auto".
   */
  readonly device?: string;
  /**
   * "f16" and "f16acc32" need a device with `shader-f16`; the CPU computes in float32 all the
   * same, and says so in `device.reason`. Inputs and outputs stay as the model declares them.
   */
  readonly precision?: Precision;
  /** Sizes for named dimensions, known before the first run: `{ N: 8 }`. */
  readonly dimensions?: Readonly<Record<string, number>>;
  readonly onProgress?: (progress: Progress) => void;
  /**
   * Choices of kernels that were measured: a file of `rekindle tune`, its content, or "off".
   * Default: what REKINDLE_TUNINGS names, or the file where `rekindle tune` stores them.
   */
  readonly tunings?: TuningSource;
}

/** The device that a session runs on, and why it was chosen. */
export interface DeviceSummary {
  readonly kind: "gpu" | "software" | "cpu";
  /** "NVIDIA H100 80GB HBM3", "llvmpipe (LLVM 15.0.6, 256 bits)", "CPU (ONNX Runtime)". */
  readonly name: string;
  readonly backend: "webgpu" | "onnxruntime";
  /** One sentence: "no GPU was found: ...". */
  readonly reason: string;
}

/** What a session has cost so far. Times in milliseconds, memory in bytes. */
export interface SessionStats {
  readonly loadMs: number;
  readonly optimizeMs: number;
  readonly compileMs: number;
  /** Memory on the device: weights, activations (the arena), and staging for inputs and outputs. */
  readonly weightBytes: number;
  readonly activationBytes: number;
  readonly stagingBytes: number;
  /**
   * The most memory on the device at a time, of all sessions that share it: while weights are
   * rearranged, or while running. 0 on the CPU.
   */
  readonly peakBytes: number;
  /** Compute dispatches of one run. */
  readonly dispatches: number;
  /** Of the input shapes that ran last: nodes that use stored tunings, and why others do not. */
  readonly tunings: TuningUse;
  readonly runs: number;
  /** The last run: upload, compute, read back. 0 before the first. */
  readonly lastRunMs: number;
}

/** What runs a model; GPU and CPU look alike from outside. */
export interface Runner {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly GraphOutput[];
  readonly device: DeviceSummary;
  readonly precision: Precision;
  readonly stats: SessionStats;
  run(feeds: RunFeeds): Promise<Map<string, Tensor>>;
  /** `run` whose outputs stay on the device; left out where there is none. */
  runOnDevice?(feeds: RunFeeds): Promise<Map<string, DeviceTensor>>;
  /** Milliseconds of the last run's work without transfers; left out where there are none. */
  timeOnDevice?(): Promise<number>;
  dispose(): Promise<void>;
}
