import type { Host } from "../../host/index.ts";
import type { GpuFacts } from "../facts.ts";
import { known, nameOf, numberOf, type Probe } from "./probe.ts";

const devices = "/sys/bus/pci/devices";

/** Display controllers by their PCI ids, and the links that they hang on. */
export const pciProbe: Probe = {
  name: "pci",
  what: "PCI devices",
  systems: ["linux"],
  timeoutMs: 3000,
  byHand: "lspci -nn -d ::0300; lspci -nn -d ::0380",
  async learn(host) {
    const addresses = await host.list(devices);
    if (addresses.length === 0) throw new Error(`${devices} shows no device`);
    const gpus: GpuFacts[] = [];
    for (const address of addresses) {
      const type = (await host.readText(`${devices}/${address}/class`))?.trim();
      // 0x03 are display controllers: VGA, XGA, 3D and others.
      if (type?.startsWith("0x03")) gpus.push(await gpuAt(host, address));
    }
    return { gpus };
  },
};

async function gpuAt(host: Host, address: string): Promise<GpuFacts> {
  const folder = `${devices}/${address}`;
  const id = async (name: string) =>
    (await host.readText(`${folder}/${name}`))?.trim().replace(/^0x/, "").toLowerCase();
  const [board, model] = [await id("subsystem_vendor"), await id("subsystem_device")];
  const driver = await host.realPath(`${folder}/driver`);
  const bootVga = (await host.readText(`${folder}/boot_vga`))?.trim();
  return known({
    pciAddress: address,
    vendorId: await id("vendor"),
    deviceId: await id("device"),
    revision: await id("revision"),
    subsystem: board && model ? `${board}:${model}` : undefined,
    driver: driver === undefined ? "none" : nameOf(driver),
    displaysBoot: bootVga === undefined ? undefined : bootVga === "1",
    pcie: await linkOf(host, folder),
  });
}

/**
 * RDNA cards hold a PCI Express switch (1002:1478 upstream, 1002:1479 downstream), whose inner link
 * always runs at full speed. The link to the machine is that of the switch's upstream port.
 */
async function linkOf(host: Host, folder: string): Promise<GpuFacts["pcie"]> {
  let port = (await host.realPath(folder)) ?? folder;
  for (let levels = 0; levels < 2; levels++) {
    const parent = port.slice(0, port.lastIndexOf("/"));
    const vendor = (await host.readText(`${parent}/vendor`))?.trim();
    const device = (await host.readText(`${parent}/device`))?.trim();
    if (vendor !== "0x1002" || !/^0x147[89]$/.test(device ?? "")) break;
    port = parent;
  }
  const read = async (name: string) => (await host.readText(`${port}/${name}`))?.trim();
  const speed = async (name: string) => numberOf(/^[\d.]+/.exec((await read(name)) ?? "")?.[0]);
  const link = known({
    speedGTs: await speed("current_link_speed"),
    width: numberOf(await read("current_link_width")),
    maxSpeedGTs: await speed("max_link_speed"),
    maxWidth: numberOf(await read("max_link_width")),
  });
  return Object.keys(link).length === 0 ? undefined : link;
}
