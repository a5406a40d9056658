import type { Config, DeviceTraits, Kernel, Problem } from "../kernels/kernel.ts";
import { problemKey } from "./problem-key.ts";
import { buildOptions, shaderHash } from "./shader-hash.ts";
import type { ShippedTuning } from "./shipped.ts";
import type { Choice, Lookup, Tuning } from "./tuning.ts";

/**
 * Looks problems up among what was measured on this device, then among what is shipped for its
 * family. A tuning holds only while its kernel still offers the configuration, and, where it was
 * measured here, while its shaders are the ones that were measured.
 */
export function lookupIn(stored: readonly Tuning[], shipped: readonly ShippedTuning[]): Lookup {
  const sources = [stored, shipped].map((list) => new Map(list.map((t) => [t.problem, t])));
  return (kernels, problem, device) => {
    const key = problemKey(problem, device);
    let ignored: string | undefined;
    for (const source of sources) {
      const tuning: Tuning | ShippedTuning | undefined = source.get(key);
      if (!tuning) continue;
      const choice = current(tuning, kernels, problem, device);
      if (typeof choice !== "string") return { choice, ...(ignored !== undefined && { ignored }) };
      ignored ??= `${choice}; the problem: ${key}`;
    }
    return ignored === undefined ? undefined : { ignored };
  };
}

/** The choice of a tuning as the kernels are now; or one sentence that says why it is none. */
function current(
  tuning: Tuning | ShippedTuning,
  kernels: readonly Kernel[],
  problem: Problem,
  device: DeviceTraits,
): Choice | string {
  const choice = offered(tuning, kernels, problem, device);
  if (typeof choice === "string" || !("wgsl" in tuning)) return choice;
  const program = choice.kernel.build(problem, choice.config, buildOptions(device));
  if (shaderHash(program) === tuning.wgsl) return choice;
  return `the shader of ${choice.kernel.name} has changed since it was measured`;
}

/** The tuning's kernel and configuration as they are now; or a sentence where there is none. */
function offered(
  { kernel: name, config }: ShippedTuning,
  kernels: readonly Kernel[],
  problem: Problem,
  device: DeviceTraits,
): Choice | string {
  const kernel = kernels.find((k) => k.name === name);
  if (!kernel) return `there is no kernel ${name} any more`;
  const supported = kernel.supports(problem);
  if (supported !== true) return `${name} does not take it any more: ${supported}`;
  // Only what the kernel itself proposes is built: a file may hold any numbers.
  const wanted = configText(config);
  const known = kernel.configs(problem, device).find((c) => configText(c) === wanted);
  if (!known) return `${name} does not offer "${wanted}" any more`;
  const fits = kernel.fits(known, problem, device);
  return fits === true ? { kernel, config: known } : `${name} "${wanted}" does not fit: ${fits}`;
}

/** A configuration as text: equal for equal ones. */
export function configText(config: Config): string {
  const entries = Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([name, value]) => `${name}=${value}`).join(" ");
}
