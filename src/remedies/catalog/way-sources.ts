import type { Source } from "../../doctor/rule.ts";

const source = (title: string, at: string, date: string): Source => ({ title, at, date });

/** What ways out rest on, beside the sources of the doctor's rules. */
export const waySources = {
  // PyTorch from source
  sourceRocm72: source(
    "PyTorch 2.10 built for gfx1010 on ROCm 7.2, Debian 13: switches, device code patched",
    "Efenstor/PyTorch-ROCm-gfx1010-Debian13",
    "2026-03-15",
  ),
  sourceRocm64: source(
    "PyTorch 2.9.1 built for an RX 5700 XT on ROCm 6.4: Conv2d works, BatchNorm's gradient fails",
    "jc1122/pytorch-gfx1010",
    "2026-04",
  ),
  sourceRocm62: source(
    "PyTorch 2.8 built for gfx1010 on ROCm 6.2, in a container with ComfyUI",
    "KenshiN28rus/comfyui-rocm-gfx1010",
    "2026",
  ),
  composableKernel: source(
    "composable_kernel does not compile for gfx1010: CK_BUFFER_RESOURCE_3RD_DWORD is missing",
    "ROCm/composable_kernel#775",
    "2023-06",
  ),
  composableKernelFix: source(
    "composable_kernel: support for RDNA1",
    "ROCm/composable_kernel#3220",
    "2025-11",
  ),
  sourceAlone: source(
    "PyTorch 2.2 built for gfx1010 on ROCm 5: a segmentation fault all the same",
    "ROCm/ROCm#2527",
    "2023-11-17",
  ),
  conversion: source(
    "PyTorch: switches of a build with ROCm, tools/amd_build",
    "https://github.com/pytorch/pytorch#from-source",
    "2026-11",
  ),

  // ROCm from source
  sdkBuilder: source(
    "rocm_sdk_builder: ROCm 6.1.2 and PyTorch, MIOpen patched for gfx101x",
    "lamikr/rocm_sdk_builder#104",
    "2024-07-08",
  ),
  sdkBuilderCost: source(
    "rocm_sdk_builder: ready after 5 hours on 16 cores, 120 GB of files",
    "lamikr/rocm_sdk_builder#175",
    "2024-11-22",
  ),
  sdkBuilderSlow: source(
    "rocm_sdk_builder on an RX 5700 with 16 GB of memory: about 16 hours",
    "lamikr/rocm_sdk_builder#98",
    "2024-07-04",
  ),
  sdkBuilderSpeed: source(
    "RX 5700 with it: ResNet-50, batch 12, fp32: 36 ms forward, 116 ms in training",
    "lamikr/pytorch-gpu-benchmark",
    "2024",
  ),

  // Legacy
  rebuilt54: source(
    "ROCm 5.4.3 with libraries rebuilt for gfx1012: MIOpen's check passes",
    "xuhuisheng/rocm-build#47",
    "2023",
  ),
  rebuildScripts: source(
    "rocm-build, navi10: scripts that rebuild rocBLAS, rocSPARSE and others for gfx1010",
    "xuhuisheng/rocm-build",
    "2023",
  ),

  // Distributions
  debianRocm: source(
    "Debian: ROCm's libraries are built for all discrete Vega and RDNA1 cards; no MIOpen",
    "https://wiki.debian.org/ROCm",
    "2024-01",
  ),
  debianTested: source(
    "AMD and Debian: rocBLAS and hipBLAS pass their tests on an RX 5700 XT",
    "ROCm/ROCm#2527",
    "2024-01-29",
  ),
  archTorch: source(
    "Manjaro on an RX 5700: python-pytorch-rocm ran MNIST with the override 10.1.0",
    "ROCm/ROCm#887",
    "2025-07-20",
  ),
  fedoraTorch: source(
    "A user of TheRock on gfx1010: Fedora's PyTorch works",
    "ROCm/TheRock#3466",
    "2026-02",
  ),
  gentooFlags: source(
    "Gentoo: USE flags amdgpu_targets_gfx1010, gfx1011 and gfx1012",
    "gentoo/gentoo",
    "2026-11",
  ),
  nixosWithout: source("NixOS: its PyTorch leaves gfx1010 out", "NixOS/nixpkgs#534676", "2026"),

  // rocBLAS
  copiedLibrary: source(
    "Kernels for gfx1010 copied from /opt/rocm into PyTorch's rocBLAS folder",
    "arlo-phoenix/CTranslate2-rocm#6",
    "2024",
  ),
  builtLibrary: source(
    "Tensile: without tuned logic a target gets no library unless architectures are merged",
    "ROCm/Tensile#1757",
    "2023-07",
  ),
  rocblasTargets: source(
    "rocBLAS, CMakeLists.txt: gfx1010 and gfx1012 are among the default targets, 5.6 to 7.1",
    "ROCm/rocm-libraries",
    "2026-11",
  ),

  // Clean-ups
  byNameAlone: source(
    "Rekindle: what is done by name alone, and where it looks",
    "docs/remedies.md",
    "2026-11",
  ),

  // Containers
  containerDevices: source(
    "AMD: a container needs /dev/kfd and /dev/dri, and the groups video and render",
    "https://rocm.docs.amd.com/projects/install-on-linux/en/latest/how-to/docker.html",
    "2026-11",
  ),

  // Other cards
  windowsSupport: source(
    "AMD: GPUs that ROCm 7.2 supports on Windows; no RDNA1",
    "https://rocm.docs.amd.com/projects/install-on-windows/en/docs-7.2/reference/system-requirements.html",
    "2026-07-31",
  ),
  otherCards: source(
    "Times of ResNet-50 on several cards with one benchmark",
    "lamikr/pytorch-gpu-benchmark",
    "2025-02",
  ),
} as const satisfies Record<string, Source>;
