import type { Remedy } from "../remedy.ts";
import { amdWheels } from "./amd-wheels.ts";
import { cleanUps, onDemand } from "./clean-ups.ts";
import { container } from "./container.ts";
import { cpu } from "./cpu.ts";
import {
  archPackages,
  debianPackages,
  fedoraPackages,
  gentooPackages,
} from "./distribution-packages.ts";
import { engine } from "./engine.ts";
import { legacyRocm52, legacyRocm54 } from "./legacy.ts";
import { llamaCpp } from "./llama-cpp.ts";
import { otherCard } from "./other-card.ts";
import { pytorchSource } from "./pytorch-source.ts";
import { rekindleTorch, rekindleTorchVulkan } from "./rekindle-torch.ts";
import { rocblasLibrary } from "./rocblas-library.ts";
import { rocmSdkBuilder } from "./rocm-sdk-builder.ts";

/** Every remedy. Clean-ups come first, in the order in which they are to be done. */
export const catalog: readonly Remedy[] = [
  ...cleanUps,
  amdWheels,
  engine,
  rekindleTorch,
  rekindleTorchVulkan,
  llamaCpp,
  rocblasLibrary,
  pytorchSource,
  container,
  rocmSdkBuilder,
  debianPackages,
  archPackages,
  fedoraPackages,
  gentooPackages,
  cpu,
  otherCard,
  legacyRocm52,
  legacyRocm54,
  ...onDemand,
];
