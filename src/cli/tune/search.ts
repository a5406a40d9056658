import { openToMeasure } from "../../bench/index.ts";
import { RekindleError } from "../../errors.ts";
import type { OpenDevice } from "../../session/index.ts";
import { type GpuDevice, tuneNetwork } from "../../tune/tune-network.ts";
import type { TuneProgress } from "../../tune/tune-problems.ts";
import { addToStore } from "../../tunings/store.ts";
import type { Tuning } from "../../tunings/tuning.ts";
import { subjectsFor } from "../bench/subjects.ts";
import { Ending } from "../ending.ts";
import type { Io } from "../io.ts";
import { type ProgressLine, progressLine } from "../progress.ts";
import { significant } from "../text.ts";
import type { TuneOptions } from "./options.ts";
import { storedOrNone, storeOf } from "./place.ts";
import { renderReport, reportOf } from "./render.ts";

/** `rekindle tune MODEL`. */
export async function searchModel(model: string, options: TuneOptions, io: Io): Promise<void> {
  const path = storeOf(io);
  const { precision, size, batch } = options;
  const choice = { ...(size && { size }), ...(batch && { batch: [batch] }) };
  const subject = async (speed: "gpu" | "software") =>
    (await subjectsFor([model], choice, speed, io))[0]!;
  await subject("gpu"); // What is wrong with the model's name is told before a device is opened.
  const line = progressLine(io, !options.quiet);
  line.show("opening the device ...");
  const opened = await openToMeasure(options.device);
  try {
    const device = requireGpu(opened);
    const known = await knownFor(device, path, io);
    await addToStore(path, []); // Where nothing can be written, it is told before measuring.
    line.show("loading the model ...");
    const loaded = await (await subject(device.summary.kind === "gpu" ? "gpu" : "software")).load();
    const result = await tuneNetwork(device, loaded, {
      precision,
      known: options.force ? [] : known,
      budgetMs: 1000 * options.seconds,
      onProgress: (progress) => showProgress(progress, line),
      onTiming: () => line.show("timing the network ..."),
      onResult: (_, tuning) => store(device, path, tuning ? [tuning] : []),
    });
    // Again, in case that the network as a whole prefers the defaults.
    await store(device, path, result.tunings);
    line.clear();
    const report = reportOf({ model, subject: loaded, precision, device, result, path });
    io.out.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report, io));
    if (report.problems.some((row) => row.isDefaultWrong)) throw new Ending("found");
  } finally {
    line.clear();
    opened.gpu?.destroy();
  }
}

function requireGpu({ gpu, summary }: OpenDevice): GpuDevice {
  if (gpu) return { gpu, summary };
  const what = `there are kernels to choose on a GPU only, and ${summary.name} was taken`;
  throw new RekindleError("usage", `${what}: ${summary.reason}`, {
    fix: "pass --device gpu to see why there is no GPU, or --device software to try it out",
  });
}

async function knownFor({ gpu }: GpuDevice, path: string, io: Io): Promise<readonly Tuning[]> {
  const { name, description } = gpu.info;
  const { devices } = await storedOrNone(path, io);
  const own = devices.find((d) => d.adapter === name && d.driver === description);
  return own?.tunings ?? [];
}

async function store({ gpu }: GpuDevice, path: string, tunings: readonly Tuning[]): Promise<void> {
  const { name: adapter, description: driver } = gpu.info;
  if (tunings.length > 0) await addToStore(path, [{ adapter, driver, tunings }]);
}

function showProgress(progress: TuneProgress, line: ProgressLine): void {
  const { problem, problems, candidate, candidates, node, gain } = progress;
  const so = gain > 1.005 ? `, ${significant(gain)} times as fast so far` : "";
  line.show(
    `problem ${problem + 1} of ${problems}: candidate ${candidate + 1} of ${candidates}` +
      `${so} (${node})`,
  );
}
