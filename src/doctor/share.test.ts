import { describe, expect, test } from "vitest";
import { type Facts, factsSchema } from "./facts.ts";
import { reportOf } from "./report.ts";
import { shareable } from "./share.ts";

const home = ["", "home", "mueller"].join("/");
const otherHome = ["", "home", "other"].join("/");

/** A machine full of names. */
const facts: Facts = {
  version: 1,
  os: { platform: "linux", name: "Debian GNU/Linux 12" },
  kernel: {
    release: "6.12.9-amd64",
    parameters: {
      root: "UUID=1b4e28ba-2fa1-11d2-883f-0016d3cca427",
      "systemd.hostname": "gruenwald",
      "amdgpu.cwsr_enable": "0",
      amd_iommu: "off",
    },
  },
  disks: [{ purpose: "home", folder: home, freeBytes: 1 }],
  permissions: { user: "mueller", groups: ["mueller", "video"], isRoot: false },
  kernelLog: {
    readable: true,
    lines: [
      "Nov 21 21:00:01 gruenwald kernel: amdgpu 0000:03:00.0: amdgpu: GPU reset begin!",
      "usb 1-1: SerialNumber: 4C530001 amdgpu",
      "wlan0: 00:16:d3:cc:a4:27 at 192.168.178.23 and fe80::216:d3ff:fecc:a427 amdgpu",
      "amdgpu: Process python pid 123 thread mueller's job",
    ],
  },
  env: {
    HSA_OVERRIDE_GFX_VERSION: "10.3.0",
    LD_LIBRARY_PATH: `${home}/secret-client/lib:/opt/rocm-6.2.0/lib`,
    MIOPEN_USER_DB_PATH: `${otherHome}/db`,
  },
  settings: [{ file: "~/.bashrc", line: 3, name: "HSA_ENABLE_SDMA", value: "0" }],
  torch: [
    {
      path: `${home}/secret-client/.venv/lib/python3.11/site-packages/torch`,
      environment: `${home}/secret-client/.venv`,
      version: "2.6.0+rocm6.2.4",
      build: "rocm-stock",
      targets: ["gfx1030"],
    },
  ],
  gpus: [{ vendorId: "1002", deviceId: "731f", pciAddress: "0000:03:00.0", gfx: "gfx1010" }],
};

describe("sharing", () => {
  const shared = shareable(facts, { hostName: "gruenwald.fritz.box" });
  const text = JSON.stringify(reportOf(shared));

  test.each([
    "mueller",
    "gruenwald",
    "secret-client",
    "home/",
    "1b4e28ba",
    "4C530001",
    "00:16:d3",
    "192.168",
    "fe80",
    "other/db",
  ])("nothing of %s is left, in the facts or in what is made of them", (word) => {
    expect(text.toLowerCase()).not.toContain(word.toLowerCase());
  });

  test("what matters stays", () => {
    expect(factsSchema.parse(shared)).toEqual(shared);
    expect(shared.env).toEqual({
      HSA_OVERRIDE_GFX_VERSION: "10.3.0",
      LD_LIBRARY_PATH: "~/folder1/lib:/opt/rocm-6.2.0/lib",
      MIOPEN_USER_DB_PATH: "~/folder2",
    });
    expect(shared.torch?.[0]?.path).toBe("~/folder1/.venv/lib/python3.11/site-packages/torch");
    expect(shared.kernel?.parameters).toEqual({ "amdgpu.cwsr_enable": "0", amd_iommu: "off" });
    expect(shared.permissions?.groups).toEqual(["user", "video"]);
    expect(shared.gpus).toEqual(facts.gpus);
    expect(shared.kernelLog?.lines?.[0]).toBe(
      "Nov 21 21:00:01 host kernel: amdgpu 0000:03:00.0: amdgpu: GPU reset begin!",
    );
    expect(shared.kernelLog?.lines?.[2]).toBe("wlan0: (mac) at (ip) and (ip) amdgpu");
  });

  test("Windows and macOS homes", () => {
    const windows = shareable({
      version: 1,
      torch: [{ path: "C:\\Users\\Max Muster\\venv\\Lib\\site-packages\\torch" }],
      disks: [{ purpose: "home", folder: "C:\\Users\\Max Muster", freeBytes: 1 }],
    });
    expect(windows.torch?.[0]?.path).toBe("~\\venv\\Lib\\site-packages\\torch");
    const mac = shareable({ version: 1, torch: [{ path: "/Users/max/venv/lib/torch" }] });
    expect(mac.torch?.[0]?.path).toBe("~/venv/lib/torch");
  });

  test("users whose name is a word of the field do not garble the text", () => {
    const { gpus } = shareable({
      version: 1,
      permissions: { user: "amd" },
      gpus: [{ name: "AMD Radeon RX 5600 XT" }],
    });
    expect(gpus?.[0]?.name).toBe("AMD Radeon RX 5600 XT");
  });
});
