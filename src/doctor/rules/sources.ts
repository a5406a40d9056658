import type { Source } from "../rule.ts";

const source = (title: string, at: string, date: string): Source => ({ title, at, date });

/** What the rules rest on. Dates are those of the statement, or of the state of a file as read. */
export const sources = {
  // Identity
  pciIds: source(
    "Linux, drivers/gpu/drm/amd/amdgpu/amdgpu_drv.c: PCI ids of each chip",
    "torvalds/linux",
    "2026-11",
  ),
  amdgpuIds: source("libdrm, data/amdgpu.ids: names by device and revision", "mesa/drm", "2026-11"),
  proFiveSix: source(
    "LLVM: the Radeon Pro 5600M is gfx1011, the RX 5600M gfx1010",
    "llvm/llvm-project#140041",
    "2025-05-15",
  ),
  kfdDevice: source(
    "Linux, kfd_device.c: Navi 10 needs PCIe atomics before firmware 145",
    "torvalds/linux",
    "2026-11",
  ),
  atomicsNavi14: source(
    "RX 5500 XT skipped by the kernel: PCI rejects atomics",
    "xuhuisheng/rocm-build#18",
    "2021-09-29",
  ),
  supportedGpus: source(
    "TheRock, SUPPORTED_GPUS.md: gfx1010, gfx1011 and gfx1012 on Linux and Windows",
    "ROCm/TheRock#6137",
    "2026-08-22",
  ),
  releases: source("TheRock, RELEASES.md: extras for each target", "ROCm/TheRock", "2026-08-22"),

  // Code for the card
  stockWheels: source(
    "An RX 5700 XT with PyTorch's wheel for ROCm 6.2: targets listed, gfx1010 is not among them",
    "pytorch/pytorch#132570",
    "2024-08-28",
  ),
  extraNeeded: source(
    "AMD: without the package for its target, a card gets hipErrorInvalidImage",
    "ROCm/TheRock#7839",
    "2026-09-17",
  ),
  wheelWorks: source(
    "An RX 5600 XT with AMD's wheels: works from end to end",
    "unslothai/unsloth#9138",
    "2026-09-19",
  ),
  kpack: source(
    "rocm-systems, shared/kpack: device code outside of the library",
    "ROCm/rocm-systems",
    "2026-11",
  ),
  superset: source(
    "Debian AI: let gfx1011 and gfx1012 load code for gfx1010",
    "https://lists.debian.org/debian-ai/2023/05/msg00010.html",
    "2023-05",
  ),
  tensileFallback: source(
    "Tensile: fallback libraries for targets without tuned logic, in ROCm 6.2",
    "ROCm/Tensile#1897",
    "2024-03",
  ),
  oldRocm: source("Regression in ROCm 5.3 and newer for gfx1010", "ROCm/ROCm#2527", "2023-11-17"),
  selfBuilt: source(
    "Zakhrov: PyTorch built for gfx1010 on ROCm 6.1 works, without an override",
    "ROCm/ROCm#2527",
    "2024-04-24",
  ),
  rocmSeven: source(
    "An RX 5600M: convolutions 2 to 3 times slower with ROCm 7.1.1 than with 6.4",
    "ROCm/TheRock#2848",
    "2026-01-11",
  ),

  // Overrides
  overrideForDebugging: source(
    "AMD on the override: for debugging only, at your own risk",
    "ROCm/rocm-systems#3461",
    "2026-02-23",
  ),
  overrideCrash: source(
    "An RX 5700 that crashed with 10.3.0 and ran with 10.1.0",
    "ROCm/ROCm#887",
    "2025-07-20",
  ),
  wrongOverride: source(
    "A wrong override takes the kernel down (gfx1151 as 12.0.1)",
    "ROCm/rocm-systems#3531",
    "2026-02-25",
  ),
  crossMajor: source(
    "libhsakmt refuses an override of another major version",
    "ROCm/rocm-systems#5686",
    "2026-05-06",
  ),
  overrideWindows: source(
    "AMD: on Windows the override is not read",
    "ROCm/TheRock#1719",
    "2026-04-30",
  ),
  hazards: source(
    "LLVM, AMDGPU.td: hazards of gfx101x that code for gfx1030 does not work around",
    "llvm/llvm-project",
    "2026-11",
  ),
  legacyTorch: source(
    "An RX 5700 XT with PyTorch 1.13.1, ROCm 5.2 and the override: works in 32-bit floats",
    "ROCm/ROCm#2527",
    "2023-10-05",
  ),
  rdna2Override: source(
    "Users of gfx1031 and gfx1032 run code for gfx1030 with 10.3.0",
    "pytorch/pytorch#103973",
    "2023-10-03",
  ),

  // Runtime and driver
  waves: source(
    "RX 5500: every launch fails with HSA_STATUS_ERROR_OUT_OF_RESOURCES from Linux 6.12 on",
    "ROCm/TheRock#7472",
    "2026-09-10",
  ),
  wavesChange: source(
    "libhsakmt takes the number of waves from the topology",
    "ROCm/rocm-systems#6125",
    "2026-05-14",
  ),
  wavesFix: source(
    "libhsakmt: count waves as the kernel does, before gfx1250",
    "ROCm/rocm-systems#11299",
    "2026-09-08",
  ),
  wslRdna1: source(
    "An RX 5700 XT in WSL2: stopped by the GPU driver before ROCm starts",
    "unslothai/unsloth#11614",
    "2026-09-22",
  ),
  wslOverride: source(
    "AMD: WSL runs on Windows' driver, an override does not help there",
    "ROCm/ROCm#3402",
    "2024-07-08",
  ),
  kfdGroup: source("/dev/kfd belongs to the group render", "ROCm/rocminfo#34", "2020-04-21"),
  container: source(
    "AMD: a container needs --device=/dev/kfd and --device=/dev/dri",
    "ROCm/ROCm#2527",
    "2023-11-17",
  ),
  integratedFirst: source(
    "RX 5500M beside an integrated GPU: works with HIP_VISIBLE_DEVICES=1",
    "ROCm/ROCm#1306",
    "2020-12-11",
  ),
  freezes: source(
    "PyTorch-ROCm-gfx1010: kernels from 6.17 on freeze, take 6.12",
    "Efenstor/PyTorch-ROCm-gfx1010",
    "2026-05",
  ),
  mtypeLocal: source(
    "Linux: mtype_local is read for GC 9.4.3, 9.4.4 and 9.5.0 alone",
    "torvalds/linux",
    "2026-11",
  ),
  fineGrain: source(
    "ROCr, amd_gpu_agent.cpp: fine-grained pools on every GPU but gfx12.0",
    "ROCm/rocm-systems",
    "2026-11",
  ),

  videoMemory: source(
    "Linux, amdgpu: mem_info_vram_total and mem_info_vram_used",
    "torvalds/linux",
    "2026-11",
  ),

  // MIOpen and friends
  batchNorm: source(
    "MIOpen: row_bcast does not assemble on gfx10",
    "ROCm/MIOpen#1528",
    "2022-04-26",
  ),
  batchNormSource: source(
    "MIOpen, batchnorm_functions.h: inline assembly stays on for gfx101x",
    "ROCm/rocm-libraries",
    "2026-11",
  ),
  winograd: source(
    "MIOpen, conv_winoRxS.cpp: 16-bit floats on gfx1011, gfx1012 and gfx103x alone",
    "ROCm/rocm-libraries",
    "2026-11",
  ),
  halfSlower: source(
    "RX 5700, ResNet-50: 335 pictures a second in fp32, 174 in fp16",
    "lamikr/pytorch-gpu-benchmark",
    "2024",
  ),
  databaseHarmless: source(
    "MIOpen's maintainer: ignore the warning, kernels are built when needed",
    "ROCm/MIOpen#1995",
    "2023-02-21",
  ),
  noAlgorithm: source(
    "MIOPEN_DEBUG_CONV_DIRECT=0 ends in: no suitable algorithm was found",
    "patientx/ComfyUI-Zluda#435",
    "2026-03-08",
  ),
  miopenSwitches: source("MIOpen, debug-log.rst: switches", "ROCm/rocm-libraries", "2026-11"),
  search: source(
    "A tuning search of MIOpen that was taken for a hang",
    "unslothai/unsloth#11636",
    "2026-09",
  ),
  triton: source(
    "RX 5700 XT: Triton's kernels write nothing unless AMDGCN_USE_BUFFER_OPS=0",
    "unslothai/unsloth#11614",
    "2026-09-22",
  ),
  attention: source(
    "TheRock: no AOTriton and no hipBLASLt for gfx101x",
    "ROCm/TheRock#3355",
    "2026-02",
  ),
  faults: source(
    "Linux, amdgpu: messages of page faults, ring timeouts and resets",
    "torvalds/linux",
    "2026-11",
  ),

  // The way round
  vulkan: source(
    "Rekindle: what a card needs to run networks without ROCm",
    "docs/errors.md",
    "2026-11",
  ),
} as const satisfies Record<string, Source>;
