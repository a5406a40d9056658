import { cardOf, chipOf, isVirtual, vendorOf } from "./cards.ts";
import type { GpuFacts } from "./facts.ts";

/**
 * A GPU with what its PCI ids tell: name, chip, family, target, and, where nothing was measured,
 * compute units and memory as sold. What was learned from the machine itself stays.
 *
 * @example
 * identified({ vendorId: "1002", deviceId: "731f", revision: "ca" }).gfx; // "gfx1010"
 */
export function identified(gpu: GpuFacts): GpuFacts {
  const { vendorId, deviceId, revision } = gpu;
  if (vendorId === undefined) return gpu;
  if (vendorId !== "1002" || deviceId === undefined) return { ...foreign(vendorId), ...gpu };
  const chip = chipOf(deviceId);
  const card = revision === undefined ? undefined : cardOf(deviceId, revision);
  return {
    ...chip,
    ...(card && { name: `AMD ${card.name}` }),
    ...(card?.computeUnits && { computeUnits: card.computeUnits }),
    ...(card?.vramGiB && { vramBytes: card.vramGiB * 2 ** 30 }),
    ...gpu,
  };
}

/** What can be said of GPUs that are not AMD's. */
function foreign(vendorId: string): GpuFacts {
  if (isVirtual(vendorId)) return { kind: "virtual", name: "display of a virtual machine" };
  const vendor = vendorOf(vendorId);
  if (!vendor) return {};
  return { name: `GPU of ${vendor}`, ...(vendor === "NVIDIA" && { kind: "discrete" as const }) };
}
