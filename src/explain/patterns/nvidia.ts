import { type Pattern, sources } from "../pattern.ts";
import { rightTorch } from "../steps.ts";

export const noKernelImage: Pattern = {
  id: "cuda-without-code",
  role: "cause",
  title: "A CUDA program without code for this NVIDIA card",
  signs: [
    /CUDA error: no kernel image is available/,
    /cuda runtime error \(48\)|error=48 : no kernel image/,
    /with CUDA capability sm_(?<sm>\d{2,3}) is not compatible with the current PyTorch/,
  ],
  cause:
    "PyTorch or an extension was built for other compute capabilities than the card's. This " +
    "is about NVIDIA and CUDA, not about ROCm.",
  isNot: ["a ROCm problem"],
  certainty: (seen) => {
    // ZLUDA, and ROCm's builds under CUDA's names, speak the same words.
    if (seen.clue("rocm") || seen.clue("zluda")) return "possible";
    return seen.clue("nvidia") ? "confirmed" : "likely";
  },
  steps: [
    {
      what: "What the build holds, and what the card is.",
      command:
        "python -c 'import torch; print(torch.cuda.get_arch_list(), " +
        "torch.cuda.get_device_capability())'",
    },
  ],
  sources: sources(
    "pytorch/pytorch#54053 2021",
    "nv-tlabs/SCube#7 2025-01",
    "pytorch/pytorch#10002 2018-07",
  ),
  explains: ["generic-hip-tail", "process-died"],
};

export const xid: Pattern = {
  id: "nvidia-kernel-driver",
  role: "cause",
  title: "NVIDIA's kernel driver reports a fault of an NVIDIA card",
  signs: [/NVRM: Xid \(\S{1,40}\): (?<code>\d{1,3})/, /NVRM: .{0,60}fallen off the bus/],
  cause: "The lines come from NVIDIA's driver. Nothing in them is about ROCm or an AMD card.",
  isNot: ["a message of amdgpu"],
  certainty: "confirmed",
  steps: [
    {
      what: "NVIDIA documents its Xid codes; 79 is a card that left the bus (power, slot, heat).",
      command: "nvidia-smi -q | head -n 60",
    },
  ],
  sources: sources(
    "NVIDIA/NVSentinel#155 2025-10",
    "NVIDIA/open-gpu-kernel-modules#1151 2026-09",
    "Bumblebee-Project/Bumblebee#554 2014-03",
  ),
};

export const cudaBuild: Pattern = {
  id: "torch-cuda-build",
  role: "cause",
  title: "The installed PyTorch is the one for NVIDIA",
  signs: [/Found no NVIDIA driver on your system/, /The NVIDIA driver on your system is too old/],
  cause: (seen) =>
    seen.clue("nvidia")
      ? "PyTorch for CUDA found no NVIDIA driver that it can use."
      : "pip installs PyTorch for CUDA unless it is told otherwise. On a machine with an AMD " +
        "card it finds no NVIDIA driver.",
  isNot: ["a missing part of ROCm"],
  certainty: (seen) => {
    if (seen.torch?.build === "cuda") return "confirmed";
    return seen.torch ? "possible" : "likely";
  },
  steps: (seen) => [
    {
      what: "Which build is it? +cu... is CUDA, +rocm... is AMD, +cpu neither.",
      command: "python -c 'import torch; print(torch.__version__, torch.version.hip)'",
    },
    ...(seen.clue("nvidia") ? [] : rightTorch(seen).slice(0, 1)),
  ],
  sources: sources("Comfy-Org/ComfyUI#653 2023-05", "neuralchen/SimSwap#421 2023-06"),
};

export const cudaLibrary: Pattern = {
  id: "cuda-library-error",
  role: "symptom",
  title: "A CUDA library reported an error",
  signs: [/\bCU(?:BLAS|DNN|FFT|SPARSE)_STATUS_(?<status>[A-Z_]{4,40})\b(?! for Algo)/],
  cause: (seen) =>
    seen.clue("zluda")
      ? "The program speaks CUDA and ZLUDA passes it on to AMD's HIP libraries; one of them " +
        "does not offer what was asked, or is not the one that this ZLUDA expects."
      : "cuBLAS or cuDNN failed: as a rule memory, or a driver that does not fit. This is " +
        "about NVIDIA, unless ZLUDA is in use.",
  isNot: ["a message of ROCm's own PyTorch"],
  certainty: "possible",
  steps: (seen) =>
    seen.clue("zluda")
      ? [
          {
            what: "With ZLUDA, cuDNN has to be off unless HIP's MIOpen is installed for it.",
            code: "torch.backends.cudnn.enabled = False",
          },
        ]
      : [
          {
            what: "Driver and versions.",
            command: "nvidia-smi; python -m torch.utils.collect_env",
          },
        ],
  sources: sources(
    "lshqqytiger/ZLUDA#104 2025-05",
    "vosen/ZLUDA#150 2024-02",
    "tensorflow/tensorflow#45028 2020-11",
  ),
};
