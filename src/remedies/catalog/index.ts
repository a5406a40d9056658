import type { Remedy } from "../remedy.ts";
import { amdWheels } from "./amd-wheels.ts";
import { clearOverrides } from "./clear-overrides.ts";
import { cpu } from "./cpu.ts";

/** Every remedy. Clean-ups come first, in the order in which they are to be done. */
export const catalog: readonly Remedy[] = [clearOverrides, amdWheels, cpu];
