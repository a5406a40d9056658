import { describe, expect, test } from "vitest";
import { isIntegrated, isSameGeneration, targetOfCard, targetOfVersion } from "./cards.ts";
import type { Clues } from "./clues.ts";
import { Scan } from "./scan.ts";

function cluesOf(...lines: string[]): Clues {
  const scan = new Scan([]);
  for (const [i, text] of lines.entries()) scan.read({ number: i + 1, text }, undefined);
  return scan.clues;
}

test.each<[keyof Clues["flags"], string]>([
  ["nvidia", "GPU 0: NVIDIA GeForce RTX 3070 Ti"],
  ["nvidia", "torch 2.4.1+cu121"],
  ["nvidia", "NVRM: Xid (PCI:0000:01:00): 79"],
  ["rocm", "RuntimeError: HIP error: out of luck"],
  ["rocm", "amdgpu 0000:03:00.0: [drm] something"],
  ["windows", "C:\\Program Files\\AMD"],
  ["windows", "OS: Windows 11 Pro"],
  ["wsl", "Linux-6.6.87.1-microsoft-standard-WSL2-x86_64"],
  ["container", "$ docker run -it rocm/pytorch"],
  ["zluda", "ZLUDA 3.9.5"],
  ["directml", "device='privateuseone:0'"],
  ["miopen", "  return F.conv2d(input, weight)"],
  ["convolutionsOff", "set MIOPEN_DEBUG_CONV_DIRECT=0"],
  ["overrideTakenBack", "it works without HSA_OVERRIDE_GFX_VERSION"],
  ["discreteCard", "AMD Radeon RX 6800 XT"],
  ["failure", "ValueError: bad shape"],
  ["failure", "Traceback (most recent call last):"],
  ["crash", "Aborted (core dumped)"],
])("%s by: %s", (flag, line) => {
  expect(cluesOf(line).flags[flag]).toBe(1);
  expect(cluesOf("It was the best of times, it was the worst of times.").flags[flag]).toBe(0);
});

test.each([
  ["MIOpen(HIP): Info [get_device_name] Raw device name: gfx1030", "gfx1030"],
  ["Missing system database file: gfx1030_20.kdb Performance may degrade", "gfx1030"],
  ["Missing system database file: gfx90878.kdb Performance may degrade", "gfx908"],
  ["No such file or directory for GPU arch : gfx1010", "gfx1010"],
  ["CK grouped conv library not found for device gfx1201: libM", "gfx1201"],
  ["  Name:                    gfx90a   ", "gfx90a"],
  ["  Device 0: AMD Instinct MI50/MI60, gfx906:sramecc+:xnack- (0x906)", "gfx906"],
])("software's word in: %s", (line, target) => {
  expect([...cluesOf(line).software]).toEqual([target]);
});

test.each([
  ["Linux version 6.12.107+deb13-amd64", "6.12.107"],
  ["Kernel: 6.14.0-1007-oem", "6.14.0"],
  ["$ uname -r: 5.15.0-91-generic", "5.15.0"],
  ["Python platform: Linux-6.6.87.1-microsoft-standard-WSL2", "6.6.87"],
])("the kernel in: %s", (line, release) => {
  expect(cluesOf(line).kernel).toMatch(new RegExp(`^${release.replaceAll(".", "\\.")}`));
});

test.each([
  ["torch                    2.4.1+rocm6.0", "rocm6.0"],
  ["'torch': '2.4.1+rocm6.1',", "rocm6.1"],
  ["2.10.0+rocm7.13.0a20260508 True", "rocm7.13.0a20260508"],
  ["YOLOv5 torch-2.0.0+cpu CPU", "cpu"],
])("the build of PyTorch in: %s", (line, build) => {
  expect(cluesOf(line).torchBuild).toBe(build);
});

describe("cards", () => {
  test.each([
    ["Navi 10 [Radeon RX 5600 OEM/5600 XT / 5700/5700 XT]", "gfx1010"],
    ["AMD Radeon RX 5600 XT", "gfx1010"],
    ["I have a 5700XT", "gfx1010"],
    ["AMD Radeon Pro 5600M", "gfx1011"],
    ["AMD Radeon RX 5500 XT", "gfx1012"],
    ["kfd kfd: amdgpu: skipped device 1002:7340, PCI rejects atomics", "gfx1012"],
    ["  Chip ID:                 29471(0x731f)", "gfx1010"],
    ["[drm] initializing kernel modesetting (NAVI10 0x1002:0x731F 0x1DA2:0xE411 0xCA).", "gfx1010"],
    ["[drm] initializing kernel modesetting (POLARIS10 0x1002:0x67DF 0x1DA2:0xE366).", "gfx803"],
    ["amdgpu: GCVM_L2_PROTECTION_FAULT_STATUS:0x731f", undefined],
    ["AMD Radeon RX 6600 XT", "gfx1032"],
    ["AMD Radeon RX 6800M", "gfx1031"],
    ["RX 6800 XT", "gfx1030"],
    ["AMD Radeon RX 7900 XTX", "gfx1100"],
    ["AMD Ryzen 7 5700X 8-Core Processor", undefined],
    ["AMD Ryzen 5 5600XT", undefined],
    ["AMD Ryzen 5 5600G with Radeon Graphics", undefined],
  ])("%s", (line, target) => {
    expect(targetOfCard(line)).toBe(target);
  });

  test("versions and generations", () => {
    expect(targetOfVersion("10.3.0")).toBe("gfx1030");
    expect(targetOfVersion("9.0.10")).toBe("gfx90a");
    expect(targetOfVersion("gfx1030")).toBeUndefined();
    expect(isSameGeneration("gfx1030", "gfx1032")).toBe(true);
    expect(isSameGeneration("gfx1010", "gfx1030")).toBe(false);
    expect(isSameGeneration("gfx90a", "gfx906")).toBe(false);
    expect([isIntegrated("gfx1036"), isIntegrated("gfx1010")]).toEqual([true, false]);
  });
});
