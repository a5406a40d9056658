import type { DataFile } from "./report.ts";
import { processors } from "./targets.ts";

/**
 * What a file of MIOpen is by its name: tuning data and compiled kernels of `share/miopen/db/`,
 * named after target and number of compute units ("gfx1030_36.HIP.fdb.txt", "gfx90a68.db",
 * "gfx942130.kdb": decimal after "_", else behind the target), models ("gfx908.tn.model"), and the
 * libraries of composable kernels ("libMIOpenCKGroupedConv_gfx942.so"). All may be missing.
 */
export function miopenFile(path: string): DataFile | undefined {
  const name = path.split(/[/!]/).at(-1)!;
  const isDatabase = /^gfx\w+.*\.(kdb|model|db|txt)$/.test(name);
  if (!isDatabase || !/\.(kdb|f?db|f?db\.txt|model)$/.test(name)) return undefined;
  const target = processors.find((processor) => name.startsWith(processor));
  return { place: "miopen", role: "tuning", targets: target ? [target] : [], merged: false };
}
