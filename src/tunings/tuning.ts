import type { Config, DeviceTraits, Kernel, Problem } from "../kernels/kernel.ts";

/** A kernel in one of its configurations. */
export interface Choice {
  readonly kernel: Kernel;
  readonly config: Config;
}

/** What was measured to be the fastest way to compute a problem. */
export interface Tuning {
  /** As `problemKey` gives it. */
  readonly problem: string;
  readonly kernel: string;
  readonly config: Config;
  /** The hash of the shaders that were measured: other shaders may not be the fastest any more. */
  readonly wgsl: string;
  /** Milliseconds of this choice, and of the one that is taken without tunings. */
  readonly timeMs: number;
  readonly defaultMs: number;
  /** When it was measured: "2026-11-21T20:15:00.000Z". */
  readonly tunedAt: string;
}

/** What was measured on one adapter with one driver; with another, other choices may be faster. */
export interface DeviceTunings {
  /** The adapter's name, and what it tells of its driver, as `listAdapters` gives them. */
  readonly adapter: string;
  readonly driver: string;
  readonly tunings: readonly Tuning[];
}

/** Stored or exported tunings of any number of devices: the content of tunings.json. */
export interface Tunings {
  readonly format: "rekindle-tunings";
  readonly version: 1;
  readonly devices: readonly DeviceTunings[];
}

/** What is known of a problem: a choice, or why what is stored cannot be used, or nothing. */
export interface Found {
  readonly choice?: Choice;
  /** One sentence. */
  readonly ignored?: string;
}

/** Looks up how a problem is computed best on a device. */
export type Lookup = (
  kernels: readonly Kernel[],
  problem: Problem,
  device: DeviceTraits,
) => Found | undefined;
