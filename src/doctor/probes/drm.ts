import type { Host } from "../../host/index.ts";
import type { GpuFacts } from "../facts.ts";
import { known, numberOf, type Probe } from "./probe.ts";

/** Memory, temperature and render nodes, as the graphics driver shows them. */
export const drmProbe: Probe = {
  name: "drm",
  what: "graphics driver",
  systems: ["linux"],
  timeoutMs: 2000,
  byHand: "grep -H . /sys/class/drm/card*/device/mem_info_vram_*",
  async learn(host, { gpus = [] }) {
    const addresses = gpus.flatMap(({ pciAddress }) => pciAddress ?? []);
    if (addresses.length === 0) return {};
    return { gpus: await Promise.all(addresses.map((address) => gpuAt(host, address))) };
  },
};

async function gpuAt(host: Host, pciAddress: string): Promise<GpuFacts> {
  const folder = `/sys/bus/pci/devices/${pciAddress}`;
  const number = async (path: string) => numberOf(await host.readText(`${folder}/${path}`));
  const render = (await host.list(`${folder}/drm`)).find((name) => name.startsWith("renderD"));
  const [sensor] = await host.list(`${folder}/hwmon`);
  const milliCelsius = sensor && (await number(`hwmon/${sensor}/temp1_input`));
  return known({
    pciAddress,
    vramBytes: await number("mem_info_vram_total"),
    vramUsedBytes: await number("mem_info_vram_used"),
    temperatureC: milliCelsius ? milliCelsius / 1000 : undefined,
    renderNode: render && `/dev/dri/${render}`,
  });
}
