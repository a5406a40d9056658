import { type Spread, spreadOf } from "../../bench/statistics.ts";
import type { DeviceSummary, Precision, Session } from "../../session/index.ts";
import { formatBytes, formatMs, plural, significant } from "../text.ts";
import type { FeedPlan } from "./feeds.ts";

/** Milliseconds of the first run and of all later ones, without compiling. */
export interface RunTimes {
  readonly first: number;
  readonly later: readonly number[];
  /** The computation alone, without transfers; empty on the CPU. */
  readonly onDevice: readonly number[];
}

/** What a run took, for people and for scripts. */
export interface Summary {
  readonly model: string;
  readonly inputs: readonly string[];
  readonly device: DeviceSummary;
  readonly precision: Precision;
  readonly batch: number;
  /** What a batch is made of. */
  readonly unit: FeedPlan["unit"];
  readonly loadMs: number;
  readonly optimizeMs: number;
  readonly compileMs: number;
  readonly firstRunMs: number;
  readonly runMs: Spread | null;
  /** What stored tunings are used for, and why others are not. */
  readonly tunings: Session["stats"]["tunings"];
  /** The computation alone: inputs and outputs stay on the device. */
  readonly onDeviceMs: Spread | null;
  readonly perSecond: number | null;
  readonly memoryBytes: {
    readonly weights: number;
    readonly activations: number;
    readonly staging: number;
    /** The most at a time, weights that are being rearranged included. */
    readonly peak: number;
  };
}

export function summaryOf(
  model: string,
  session: Session,
  plan: FeedPlan,
  times: RunTimes,
): Summary {
  const { device, precision, stats } = session;
  const runMs = times.later.length > 0 ? spreadOf(times.later) : null;
  return {
    model,
    inputs: plan.summary,
    device,
    precision,
    batch: plan.batch,
    unit: plan.unit,
    loadMs: stats.loadMs,
    optimizeMs: stats.optimizeMs,
    compileMs: stats.compileMs,
    firstRunMs: times.first,
    tunings: stats.tunings,
    runMs,
    onDeviceMs: times.onDevice.length > 0 ? spreadOf(times.onDevice) : null,
    perSecond: runMs && (plan.batch * 1000) / runMs.median,
    memoryBytes: {
      weights: stats.weightBytes,
      activations: stats.activationBytes,
      staging: stats.stagingBytes,
      peak: stats.peakBytes,
    },
  };
}

/** The summary as named facts. */
export function summaryRows(summary: Summary): [string, string][] {
  const { device, runMs, memoryBytes, batch } = summary;
  const { weights, activations, staging, peak } = memoryBytes;
  const rows: [string, string][] = [["model", summary.model]];
  for (const input of summary.inputs) rows.push(["input", input]);
  const kind = device.kind === "cpu" ? "" : ` (${device.kind})`;
  rows.push(["device", `${device.name}${kind}: ${device.reason}`]);
  rows.push(["precision", summary.precision]);
  if (device.backend === "onnxruntime") rows.push(["load", formatMs(summary.loadMs)]);
  else {
    rows.push(["load", `${formatMs(summary.loadMs)}, optimize ${formatMs(summary.optimizeMs)}`]);
    rows.push(["compile", formatMs(summary.compileMs)]);
  }
  rows.push(["first run", `${formatMs(summary.firstRunMs)}, batch of ${batch}`]);
  if (runMs) {
    const speed = `${significant(summary.perSecond!)} ${summary.unit}/s`;
    rows.push([plural(runMs.count, "run"), `${formatSpread(runMs)}; ${speed}`]);
    const { onDeviceMs } = summary;
    if (onDeviceMs) rows.push(["on device", `${formatSpread(onDeviceMs)}, without transfers`]);
  }
  const { used, ignored } = summary.tunings;
  if (used > 0) rows.push(["tunings", `used for ${plural(used, "node")}`]);
  if (ignored.length > 0) {
    const more = ignored.length > 1 ? `, and ${ignored.length - 1} more (--json lists them)` : "";
    rows.push(["tunings", `not used: ${ignored[0]}${more}`]);
  }
  const total = weights + activations + staging;
  if (total > 0) {
    rows.push([
      "memory",
      `${formatBytes(total)}: weights ${formatBytes(weights)}, ` +
        `activations ${formatBytes(activations)}, transfer ${formatBytes(staging)}; ` +
        `at most ${formatBytes(peak)} at a time`,
    ]);
  }
  return rows;
}

const formatSpread = ({ median, kind, low, high }: Spread): string =>
  `median ${formatMs(median)}, ${kind} ${formatMs(low)} to ${formatMs(high)}`;
