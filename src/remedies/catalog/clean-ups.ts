import type { Remedy } from "../remedy.ts";
import { clearBuilds, clearCaches } from "./caches.ts";
import { clearOverrides } from "./clear-overrides.ts";
import { clearParameters } from "./clear-parameters.ts";
import { clearPreloads } from "./clear-preloads.ts";
import { reinstallRuntime } from "./reinstall-runtime.ts";
import { restoreBackups } from "./restore-backups.ts";
import { tryParameter } from "./try-parameter.ts";

/** What takes away what is in the way, in the order in which it is to be done. */
export const cleanUps: readonly Remedy[] = [
  clearOverrides,
  clearPreloads,
  reinstallRuntime,
  clearParameters,
];

/** What is done when it is asked for by name alone. */
export const onDemand: readonly Remedy[] = [restoreBackups, clearCaches, clearBuilds, tryParameter];
