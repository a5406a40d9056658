import { cpuProblem } from "../cpu/index.ts";
import { environment, openGpu } from "../gpu/index.ts";
import { type OpenDevice, openDevice } from "../session/index.ts";
import { exactTimestamps } from "./timer.ts";

/** As `openDevice`, with timestamps that are not rounded. */
export function openToMeasure(wanted: string | undefined): Promise<OpenDevice> {
  const toggles = [environment("REKINDLE_DAWN_FEATURES"), exactTimestamps].filter(Boolean);
  const opened = (options: Parameters<typeof openGpu>[0]) =>
    openGpu({ ...options, toggles: toggles.join(",") });
  return openDevice(wanted, { openGpu: opened, cpuProblem });
}
