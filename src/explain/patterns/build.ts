import { type Pattern, sources } from "../pattern.ts";
import { rightTorch } from "../steps.ts";

export const composableKernel: Pattern = {
  id: "build-composable-kernel",
  role: "cause",
  title: "This version of Composable Kernel does not know the target",
  signs: [
    /undeclared identifier '?(?<macro>CK_BUFFER_RESOURCE_3RD_DWORD)/,
    /(?<macro>CK_BUFFER_RESOURCE_3RD_DWORD).{0,20} undeclared/,
    /errors? generated when compiling for (?<gfx>gfx\w{3,5})/,
  ],
  cause: (seen) =>
    "The headers of Composable Kernel choose a constant by target and have no branch for " +
    `${seen.value("build-composable-kernel", "gfx") ?? "this one"}. Support for RDNA1 came ` +
    "with composable_kernel#3220; PyTorch carries several copies of the headers (its own, " +
    "fbgemm's), and each must be new enough.",
  isNot: ["a compiler that is too old", "a missing ROCm package"],
  certainty: (seen) => (seen.value("build-composable-kernel", "macro") ? "confirmed" : undefined),
  steps: (seen) => [
    {
      what: "Take a newer PyTorch release branch, or leave those kernels out of the build.",
      command:
        "USE_FBGEMM_GENAI=0 USE_ROCM_CK_GEMM=0 USE_ROCM_CK_SDPA=0 PYTORCH_ROCM_ARCH=gfx1010 " +
        "python setup.py bdist_wheel",
    },
    ...rightTorch(seen),
  ],
  sources: sources(
    "ROCm/composable_kernel#775 2023",
    "ROCm/composable_kernel#3220 2025-11",
    "ROCm/TheRock#4768 2026-04",
    "ROCm/TheRock#2723 2025-12",
  ),
};

export const torchAbi: Pattern = {
  id: "torch-undefined-symbol",
  role: "cause",
  title: "Parts of two PyTorch builds meet in one process",
  signs: [
    /ImportError: \S{0,300} undefined symbol: _Z\w{0,20}(?:2at|3c10|5torch)/,
    /symbol lookup error: \S{0,300}: undefined symbol: _Z\w{0,20}(?:2at|3c10|5torch)/,
  ],
  cause:
    "A library wants a function that the loaded libtorch does not offer: an extension built " +
    "for another PyTorch, leftovers of an earlier build in the same folder, or a self-built " +
    "PyTorch whose compilers disagree.",
  isNot: ["missing GPU code: the program does not get that far"],
  certainty: "likely",
  steps: (seen) => [
    {
      what: "Start from an empty environment, and rebuild extensions for the PyTorch in it.",
      command: "python -m venv fresh && . fresh/bin/activate",
    },
    ...rightTorch(seen).slice(0, 1),
  ],
  sources: sources("ROCm/TheRock#3466 2026-02", "chensong1995/HybridPose#88 2023"),
};

export const hipblasltTarget: Pattern = {
  id: "build-hipblaslt-target",
  role: "cause",
  title: "hipBLASLt cannot be built for this target",
  signs: [
    /TensileliteSupportedArchitectures/,
    /^\S{0,30}\s{0,8}(?:\[hipBLASLt configure\]\s{1,6})?Unsupported GPU target: (?<gfx>gfx\w{3,5})/,
  ],
  cause: "hipBLASLt's build refuses targets that are not on its list, those of RDNA1 among them.",
  isNot: ["a mistake in the command"],
  certainty: (seen) => (seen.value("build-hipblaslt-target", "gfx") ? "confirmed" : "likely"),
  steps: [
    {
      what: "Leave it out; rocBLAS does without.",
      command: "cmake -DBUILD_WITH_HIPBLASLT=OFF ...",
    },
  ],
  sources: sources("ROCm/TheRock#1062 2025-07"),
};
