import { describe, expect, test } from "vitest";
import { type Tree, treeHost } from "../../../test/tree-host.ts";
import { examine } from "../examine.ts";
import { drmProbe } from "./drm.ts";
import { kfdProbe } from "./kfd.ts";
import { pciProbe } from "./pci.ts";

const bus = "/sys/bus/pci/devices";
const slot = "/sys/devices/pci0000:00/0000:00:03.1";
const upstream = `${slot}/0000:01:00.0`;
const card = `${upstream}/0000:02:00.0/0000:03:00.0`;
const nodes = "/sys/class/kfd/kfd/topology/nodes";

/** An RX 5600 XT behind its own switch, in a slot of PCI Express 3.0, beside an integrated GPU. */
const navi10: Tree = {
  files: {
    [`${upstream}/vendor`]: "0x1002\n",
    [`${upstream}/device`]: "0x1478\n",
    [`${upstream}/current_link_speed`]: "8.0 GT/s PCIe\n",
    [`${upstream}/current_link_width`]: "16\n",
    [`${upstream}/max_link_speed`]: "16.0 GT/s PCIe\n",
    [`${upstream}/max_link_width`]: "16\n",
    [`${upstream}/0000:02:00.0/vendor`]: "0x1002\n",
    [`${upstream}/0000:02:00.0/device`]: "0x1479\n",
    [`${card}/class`]: "0x030000\n",
    [`${card}/vendor`]: "0x1002\n",
    [`${card}/device`]: "0x731f\n",
    [`${card}/revision`]: "0xca\n",
    [`${card}/subsystem_vendor`]: "0x1da2\n",
    [`${card}/subsystem_device`]: "0xe411\n",
    [`${card}/boot_vga`]: "1\n",
    [`${card}/current_link_speed`]: "16.0 GT/s PCIe\n",
    [`${card}/current_link_width`]: "16\n",
    [`${card}/mem_info_vram_total`]: "6425673728\n",
    [`${card}/mem_info_vram_used`]: "500000000\n",
    [`${card}/drm/card1/dev`]: "226:1\n",
    [`${card}/drm/renderD128/dev`]: "226:128\n",
    [`${card}/hwmon/hwmon3/temp1_input`]: "41000\n",
    "/sys/devices/pci0000:00/0000:00:14.0/class": "0x0c0330\n",
    "/sys/devices/pci0000:00/0000:08:00.0/class": "0x030000\n",
    "/sys/devices/pci0000:00/0000:08:00.0/vendor": "0x1002\n",
    "/sys/devices/pci0000:00/0000:08:00.0/device": "0x1638\n",
    "/sys/devices/pci0000:00/0000:08:00.0/revision": "0xc8\n",
    "/sys/bus/pci/drivers/amdgpu/bind": "",
    [`${nodes}/0/properties`]: "cpu_cores_count 12\nsimd_count 0\nlocation_id 0\n",
    [`${nodes}/1/properties`]:
      "cpu_cores_count 0\nsimd_count 72\nsimd_per_cu 2\nvendor_id 4098\ndevice_id 29471\n" +
      "location_id 768\ndomain 0\ngfx_target_version 100100\nfw_version 145\n",
    [`${nodes}/1/io_links/0/properties`]: "type 2\nnode_from 1\nnode_to 0\nflags 13\n",
  },
  links: {
    [`${bus}/0000:00:14.0`]: "/sys/devices/pci0000:00/0000:00:14.0",
    [`${bus}/0000:03:00.0`]: card,
    [`${bus}/0000:08:00.0`]: "/sys/devices/pci0000:00/0000:08:00.0",
    [`${card}/driver`]: "/sys/bus/pci/drivers/amdgpu",
  },
};

const stages = [[pciProbe], [kfdProbe, drmProbe]];

describe("GPUs below /sys", () => {
  test("a Navi 10 and an integrated GPU", async () => {
    const { gpus, unknown } = await examine(treeHost(navi10), { stages });
    expect(unknown).toBeUndefined();
    expect(gpus).toEqual([
      {
        pciAddress: "0000:03:00.0",
        vendorId: "1002",
        deviceId: "731f",
        revision: "ca",
        subsystem: "1da2:e411",
        kind: "discrete",
        name: "AMD Radeon RX 5600 XT",
        chip: "Navi 10",
        family: "RDNA1",
        gfx: "gfx1010",
        computeUnits: 36,
        vramBytes: 6425673728,
        vramUsedBytes: 500000000,
        driver: "amdgpu",
        displaysBoot: true,
        temperatureC: 41,
        renderNode: "/dev/dri/renderD128",
        // Of the switch's port to the slot, not of the link inside the card.
        pcie: { speedGTs: 8, width: 16, maxSpeedGTs: 16, maxWidth: 16, atomics: false },
        kfd: {
          node: 1,
          gfxTargetVersion: 100100,
          gfx: "gfx1010",
          simdCount: 72,
          ioLinkFlags: 13,
          firmwareVersion: 145,
        },
      },
      {
        pciAddress: "0000:08:00.0",
        vendorId: "1002",
        deviceId: "1638",
        revision: "c8",
        kind: "integrated",
        name: "AMD Radeon Graphics (Ryzen 5000)",
        chip: "Renoir or Cezanne",
        family: "GCN5",
        gfx: "gfx90c",
        driver: "none",
      },
    ]);
  });

  test("without /sys the GPUs are unknown, not none", async () => {
    const facts = await examine(treeHost({ files: {} }), { stages });
    expect(facts.gpus).toBeUndefined();
    expect(facts.unknown).toMatchObject([
      { probe: "pci", command: expect.stringContaining("lspci") },
    ]);
  });

  test("links that pass atomics", async () => {
    const flags = `${nodes}/1/io_links/0/properties`;
    const files = { ...navi10.files, [flags]: "flags 1\n" };
    const { gpus } = await examine(treeHost({ ...navi10, files }), { stages });
    expect(gpus?.[0]?.pcie?.atomics).toBe(true);
  });
});
