import { exactTimestamps } from "../bench/timer.ts";
import { cpuProblem } from "../cpu/index.ts";
import { openGpu } from "../gpu/index.ts";
import { type OpenDevice, openDevice } from "../session/index.ts";
import type { Io } from "./io.ts";

/** As `openDevice`, with timestamps that are not rounded. */
export function openToMeasure(wanted: string | undefined, { host }: Io): Promise<OpenDevice> {
  const toggles = [host.env.REKINDLE_DAWN_FEATURES, exactTimestamps].filter(Boolean).join(",");
  const opened = (options: Parameters<typeof openGpu>[0]) => openGpu({ ...options, toggles });
  return openDevice(wanted, { openGpu: opened, cpuProblem });
}
