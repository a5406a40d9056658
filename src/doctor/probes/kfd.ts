import type { Host } from "../../host/index.ts";
import { targetOfVersion } from "../cards.ts";
import type { GpuFacts } from "../facts.ts";
import { known, numberOf, type Probe, pairsOf } from "./probe.ts";

const nodes = "/sys/class/kfd/kfd/topology/nodes";

/** Flags of a link by which the kernel says that atomics do not pass (kfd_crat.h). */
const no32BitAtomics = 4;
const no64BitAtomics = 8;

/** GPUs as the kernel shows them to ROCm: true target, compute units, atomics. */
export const kfdProbe: Probe = {
  name: "kfd",
  what: "KFD topology",
  systems: ["linux"],
  timeoutMs: 2000,
  byHand: `grep -H . ${nodes}/*/properties`,
  async learn(host, { gpus = [] }) {
    const found = await Promise.all((await host.list(nodes)).map((name) => gpuOf(host, name)));
    const seen = found.filter((gpu) => gpu !== undefined);
    // Without PCI addresses of our own there is nothing to join them with.
    if (gpus.length === 0) return seen.length === 0 ? {} : { gpus: seen };
    return { gpus: seen.filter((s) => gpus.some((g) => g.pciAddress === s.pciAddress)) };
  },
};

async function gpuOf(host: Host, name: string): Promise<GpuFacts | undefined> {
  const properties = pairsOf(await host.readText(`${nodes}/${name}/properties`), " ");
  const value = (key: string) => numberOf(properties.get(key));
  const simdCount = value("simd_count");
  const location = value("location_id");
  // Nodes without SIMDs are processors.
  if (!simdCount || location === undefined) return undefined;
  const gfxTargetVersion = value("gfx_target_version");
  const gfx = gfxTargetVersion ? targetOfVersion(gfxTargetVersion) : undefined;
  const flags = await linkFlags(host, name);
  const simdsPerUnit = value("simd_per_cu") || (gfx && /^gfx1\d\d\d$/.test(gfx) ? 2 : 4);
  return known({
    pciAddress: addressOf(value("domain") ?? 0, location),
    gfx,
    computeUnits: simdCount / simdsPerUnit,
    kfd: known({
      node: numberOf(name),
      gfxTargetVersion,
      gfx,
      simdCount,
      ioLinkFlags: flags,
      firmwareVersion: value("fw_version"),
    }),
    pcie:
      flags === undefined
        ? undefined
        : { atomics: (flags & (no32BitAtomics | no64BitAtomics)) === 0 },
  });
}

async function linkFlags(host: Host, name: string): Promise<number | undefined> {
  const links = await host.list(`${nodes}/${name}/io_links`);
  if (links[0] === undefined) return undefined;
  const properties = await host.readText(`${nodes}/${name}/io_links/${links[0]}/properties`);
  return numberOf(pairsOf(properties, " ").get("flags"));
}

/** "0000:03:00.0" from KFD's bus << 8 | device << 3 | function. */
function addressOf(domain: number, location: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  const [bus, device] = [(location >> 8) & 0xff, (location >> 3) & 0x1f];
  return `${hex(domain, 4)}:${hex(bus, 2)}:${hex(device, 2)}.${location & 7}`;
}
