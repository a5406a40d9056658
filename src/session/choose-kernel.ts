import type { DeviceTraits, Kernel, Problem } from "../kernels/kernel.ts";
import type { Choice } from "../tunings/tuning.ts";

/**
 * The first kernel that supports the problem, in its first configuration that fits the device; or
 * the reasons, one for each kernel, why there is none.
 */
export function chooseKernel(
  kernels: readonly Kernel[],
  problem: Problem,
  device: DeviceTraits,
): Choice | { readonly reasons: readonly string[] } {
  const reasons: string[] = [];
  for (const kernel of kernels) {
    const supported = kernel.supports(problem);
    if (supported !== true) {
      reasons.push(`${kernel.name}: ${supported}`);
      continue;
    }
    let last = "it has no configuration for this device";
    for (const config of kernel.configs(problem, device)) {
      const fits = kernel.fits(config, problem, device);
      if (fits === true) return { kernel, config };
      last = fits;
    }
    reasons.push(`${kernel.name}: ${last}`);
  }
  return { reasons };
}
