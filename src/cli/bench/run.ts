import {
  type Baseline,
  type BenchReport,
  type ConvFailure,
  type ConvTime,
  comparedWithBaseline,
  comparedWithRivals,
  hasTime,
  type ModelFailure,
  type ModelTime,
  measureConvs,
  measureModel,
  measureRoofline,
  nameOfLayer,
  openToMeasure,
  parseBaseline,
  type Roofline,
} from "../../bench/index.ts";
import { RekindleError } from "../../errors.ts";
import { checkPrecision } from "../../session/gpu-runner.ts";
import type { OpenDevice } from "../../session/index.ts";
import { loadTunings } from "../../tunings/load.ts";
import type { Io } from "../io.ts";
import { type ProgressLine, progressLine } from "../progress.ts";
import { version } from "../version.ts";
import { checkOptions, checkPlotName } from "./check.ts";
import type { BenchOptions, What } from "./options.ts";
import { renderReport } from "./render.ts";
import { convPoints, layersFor, subjectsFor, sweepFor } from "./subjects.ts";

/** One call of `rekindle bench`. */
interface Job {
  readonly what: What;
  readonly names: readonly string[];
  readonly options: BenchOptions;
  readonly io: Io;
  readonly line: ProgressLine;
  readonly baselines: readonly Baseline[];
  readonly device: OpenDevice;
  readonly roofline: Roofline | undefined;
  /** How long things may take. */
  readonly speed: "gpu" | "software";
}

export async function runBench(
  what: What,
  names: readonly string[],
  options: BenchOptions,
  io: Io,
): Promise<void> {
  checkOptions(what, names, options);
  if (options.list) return printList(what, names, options, io);
  // Names are checked before anything takes time; the list for emulated GPUs holds all of them.
  if (what === "conv") layersFor(names, "software");
  if (what === "model") await subjectsFor(names, options, "gpu", io);
  const line = progressLine(io, !options.quiet);
  const baselines = await readBaselines(options, io);
  if (options.plot !== undefined) await io.host.checkWritable(checkPlotName(options.plot));
  const jsonFile = typeof options.json === "string" && options.json !== "-" ? options.json : null;
  if (jsonFile !== null) await io.host.checkWritable(jsonFile);
  line.show("opening the device ...");
  const device = await openToMeasure(options.device);
  try {
    if (what !== "model") requireGpu(device);
    if (device.gpu) checkPrecision(device.gpu, options.precision);
    const onStep = (step: string) => line.show(`measuring the device: ${step} ...`);
    const roofline = device.gpu && (await measureRoofline(device.gpu, onStep));
    const speed = device.summary.kind === "software" ? "software" : "gpu";
    const job = { what, names, options, io, line, baselines, device, roofline, speed } as const;
    const report = await measure(job);
    line.clear();
    await write(report, job, jsonFile);
    requireRight(report);
  } finally {
    line.clear();
    device.gpu?.destroy();
  }
}

function requireGpu({ gpu, summary }: OpenDevice): void {
  if (gpu) return;
  const what = `kernels run on a GPU, and ${summary.name} was taken: ${summary.reason}`;
  throw new RekindleError("usage", what, {
    fix: "pass --device software for a CPU that emulates a GPU, or measure a network: bench model",
  });
}

async function readBaselines({ baseline = [] }: BenchOptions, { host }: Io): Promise<Baseline[]> {
  const read: Baseline[] = [];
  for (const path of baseline) {
    const bytes = await host.readFile(path, "baseline");
    read.push(parseBaseline(Buffer.from(bytes).toString("utf8"), path));
  }
  return read;
}

async function printList(
  what: What,
  names: readonly string[],
  options: BenchOptions,
  io: Io,
): Promise<void> {
  const speed = options.device === "software" ? "software" : "gpu";
  const lines: string[] = [];
  if (what === "model") {
    for (const subject of await subjectsFor(names, options, speed, io)) lines.push(subject.name);
  } else {
    const points =
      what === "sweep" ? sweepFor(options, speed).points : convPoints(names, options, speed);
    const isPlain = what === "conv" && !options.batch;
    for (const { layer, batch } of points) {
      lines.push(isPlain ? nameOfLayer(layer) : `${nameOfLayer(layer)} ${batch}`);
    }
  }
  io.out.write(`${lines.join("\n")}\n`);
}

async function measure(job: Job): Promise<BenchReport> {
  const { what, options, device, roofline, baselines } = job;
  const notes: string[] = [];
  const measuredConvs = what === "model" ? [] : await measureAllConvs(job, notes);
  const measuredModels = what === "model" ? await measureAllModels(job) : [];
  const convs = measuredConvs.map((row) => {
    return { ...row, comparisons: comparisonsOfConv(row, baselines) };
  });
  const models = measuredModels.map((row) => {
    return { ...row, comparisons: comparisonsOfModel(row, baselines) };
  });
  const compared = [...convs, ...models].flatMap(({ comparisons }) => comparisons);
  for (const { title, machine } of baselines) {
    if (compared.some((c) => c.title === title && c.machine === machine)) continue;
    notes.push(
      `the baseline "${title}" (${machine}) has no times of these in ${options.precision}`,
    );
  }
  return {
    what,
    version: version(),
    measuredAt: new Date().toISOString(),
    device: { ...device.summary, driver: device.gpu?.info.description ?? "" },
    precision: options.precision,
    roofline: roofline ?? null,
    baselines: baselines.map(({ times: _, ...about }) => about),
    convs,
    models,
    notes,
  };
}

/** On emulated GPUs every run takes long, and clocks need no warming up. */
function timingOf({ speed, options }: Job, samples: number) {
  if (speed === "software") return { warmUpMs: 0, samples: options.repeat ?? 5, budgetMs: 1000 };
  return { warmUpMs: 500, samples: options.repeat ?? samples, budgetMs: 2000 };
}

async function measureAllConvs(job: Job, notes: string[]): Promise<(ConvTime | ConvFailure)[]> {
  const { what, names, options, device, line, speed } = job;
  const sweep = what === "sweep" ? sweepFor(options, speed) : undefined;
  const points = sweep ? sweep.points : convPoints(names, options, speed);
  const gpu = device.gpu!;
  const { lookup, ignored } = await loadTunings(gpu.info, undefined);
  notes.push(...ignored.map((why) => `a stored tuning was not used: ${why}`));
  const measured = await measureConvs(gpu, points, {
    precision: options.precision,
    roofline: job.roofline!,
    timing: timingOf(job, 20),
    lookup,
    ...(sweep && { deadline: performance.now() + 1000 * sweep.seconds }),
    onProgress: (done, total, name) => line.show(`${done + 1} of ${total}: ${name} ...`),
  });
  if (measured.length < points.length) {
    const count = `${measured.length} of ${points.length} convolutions`;
    notes.push(`stopped after ${sweep?.seconds} s with ${count}; --seconds allows more`);
  }
  return measured;
}

async function measureAllModels(job: Job): Promise<(ModelTime | ModelFailure)[]> {
  const { names, options, device, roofline, speed, line, io } = job;
  const { precision, against = [] } = options;
  const withLayers = Boolean(options.layers) || options.plot !== undefined;
  const rows: (ModelTime | ModelFailure)[] = [];
  const runs = {
    ...timingOf(job, 40),
    ...(speed === "gpu" && { warmUpMs: 1000, budgetMs: 10_000 }),
  };
  const subjects = await subjectsFor(names, options, speed, io);
  const timing = timingOf(job, 20);
  for (const [i, { name, batch, load }] of subjects.entries()) {
    const onStep = (step: string) => {
      line.show(`${i + 1} of ${subjects.length}: ${name}: ${step} ...`);
    };
    try {
      onStep("loading");
      const how = { precision, roofline, against, withLayers, runs, timing, onStep };
      rows.push(await measureModel(device, await load(), how));
    } catch (error) {
      if (!(error instanceof RekindleError) || subjects.length === 1) throw error;
      rows.push({ name, batch, precision, kind: "refused", reason: error.message });
    }
  }
  return rows;
}

function comparisonsOfConv(row: ConvTime | ConvFailure, baselines: readonly Baseline[]) {
  if (!hasTime(row)) return [];
  const { name, batch, precision } = row;
  const ms = { "on device": row.onDeviceMs.median };
  return baselines.flatMap((b) =>
    comparedWithBaseline(b, { what: "conv", name, batch, precision, ms }),
  );
}

function comparisonsOfModel(row: ModelTime | ModelFailure, baselines: readonly Baseline[]) {
  if (!hasTime(row)) return [];
  const { name, batch, size, precision, wholeMs, onDeviceMs } = row;
  const ms = { whole: wholeMs.median, ...(onDeviceMs && { "on device": onDeviceMs.median }) };
  const stored = baselines.flatMap((b) =>
    comparedWithBaseline(b, { what: "model", name, batch, size, precision, ms }),
  );
  return [...comparedWithRivals(row), ...stored];
}

async function write(report: BenchReport, { options, io }: Job, jsonFile: string | null) {
  const json = `${JSON.stringify(report, null, 1)}\n`;
  if (options.json !== undefined && jsonFile === null) io.out.write(json);
  else io.out.write(renderReport(report, io.out));
  const written: string[] = [];
  if (jsonFile !== null) {
    await io.host.writeFile(jsonFile, json);
    written.push(jsonFile);
  }
  if (options.plot !== undefined) {
    // Loaded when needed: the plotting library is large.
    const { plotReport } = await import("../../bench/plot/page.ts");
    await io.host.writeFile(options.plot, plotReport(report, options.plot));
    written.push(options.plot);
  }
  if (written.length > 0 && !options.quiet) io.err.write(`written to ${written.join(", ")}\n`);
}

/** Throws where something was wrong, or nothing could be measured. */
function requireRight({ convs, models }: BenchReport): void {
  const rows = [...convs, ...models];
  const wrong = rows.filter((row) => "kind" in row && row.kind === "wrong");
  if (wrong.length > 0) {
    const list = wrong.map(({ name, batch }) => `${name} x${batch}`).join(", ");
    throw new RekindleError("verify-failed", `wrong numbers: ${list}`, {
      fix: "do not trust this device with these; please report it with the output of --json",
    });
  }
  const first = rows[0];
  if (first && "kind" in first && !rows.some(hasTime)) {
    throw new RekindleError("device-limit", `nothing could be measured: ${first.reason}`, {
      fix: "choose smaller sizes, a smaller --batch, or another --device",
    });
  }
}
