import { amdgpuProbe } from "./amdgpu.ts";
import { containerProbe } from "./container.ts";
import { drmProbe } from "./drm.ts";
import { environmentProbe } from "./environment.ts";
import { kernelLogProbe } from "./kernel-log.ts";
import { kfdProbe } from "./kfd.ts";
import { librariesProbe } from "./libraries.ts";
import { macosProbe } from "./macos.ts";
import { pciProbe } from "./pci.ts";
import { permissionsProbe } from "./permissions.ts";
import type { Probe } from "./probe.ts";
import { rocmProbe } from "./rocm.ts";
import { systemProbe } from "./system.ts";
import { torchProbe } from "./torch.ts";
import { torchCodeProbe } from "./torch-code.ts";
import { vulkanProbe } from "./vulkan.ts";
import { webgpuProbe } from "./webgpu.ts";
import { windowsProbe } from "./windows.ts";

export { isRelevant } from "./environment.ts";
export { readKernelLog } from "./kernel-log.ts";
export type { Findings, Probe } from "./probe.ts";

/** Probes of one stage run side by side; they see what the earlier stages learned. */
export const stages: readonly (readonly Probe[])[] = [
  [pciProbe, windowsProbe, macosProbe],
  [
    systemProbe,
    kfdProbe,
    drmProbe,
    permissionsProbe,
    amdgpuProbe,
    kernelLogProbe,
    containerProbe,
    environmentProbe,
    rocmProbe,
    librariesProbe,
    torchProbe,
    vulkanProbe,
    webgpuProbe,
  ],
  [torchCodeProbe],
];
