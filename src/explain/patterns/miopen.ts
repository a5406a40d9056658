import { type Pattern, sources } from "../pattern.ts";
import { leaveMiopen, miopenLog, withoutRocm } from "../steps.ts";

export const batchNorm: Pattern = {
  id: "miopen-batchnorm-assembler",
  role: "cause",
  title: "MIOpen's batch normalization (training) does not assemble for this card",
  signs: [
    /v_add_f32 .{0,40}(?<operand>row_bcast: ?(?:15|31))/,
    /Invalid dpp_ctrl value: broadcasts are not supported on GFX10\+/,
    /Code object build failed\. Source: MIOpenBatchNorm\w{0,40}/,
    /source file: MIOpenBatchNorm\w{0,40}/,
    /\bmiopen-MIOpenBatchNorm\w{0,40}\.cl/,
    /<inline asm>:\d{1,4}:\d{1,4}: error: not a valid operand/,
    /error: cannot compile inline asm/,
  ],
  cause:
    "The kernel holds assembly with row broadcasts, which RDNA does not have. MIOpen leaves " +
    "them out for the targets that it lists; for others, RDNA1 among them, the build fails. " +
    "Inference in eval mode does not use that kernel.",
  isNot: [
    "a fault of the convolution before it: a wrapper around Conv2d alone does not help training",
    "a broken compiler",
  ],
  certainty: (seen) => {
    if (seen.value("miopen-batchnorm-assembler", "operand")) return "confirmed";
    return seen.clue("miopen") ? "likely" : "possible";
  },
  steps: [
    leaveMiopen,
    { what: "For inference: switch the model to eval mode first.", code: "model.eval()" },
  ],
  sources: sources(
    "ROCm/MIOpen#1528 2022-04",
    "ROCm/MIOpen#1586 2022-06",
    "ROCm/MIOpen#796 2021-03",
    "ROCm/rocm-libraries#2169 2025",
  ),
  explains: ["miopen-status", "miopen-build-failed", "process-died", "generic-hip-tail"],
};

export const buildFailed: Pattern = {
  id: "miopen-build-failed",
  role: "symptom",
  title: "MIOpen could not compile one of its kernels",
  signs: [
    /Code object build failed\. Source: (?!MIOpenBatchNorm)(?<file>[\w.]{1,80})/,
    /HIPRTC_ERROR_COMPILATION/,
    /Can't execute cd \S{0,20}\/miopen-/,
    /Error \[BuildOcl\] comgr status/,
    /Error \[BuildHip\]/,
  ],
  cause:
    "MIOpen compiles kernels when they are first needed, and this compilation failed: a " +
    "kernel that does not suit the target, a compiler of another ROCm version, or a " +
    "temporary folder that may not be written.",
  isNot: ["a fault of the model"],
  certainty: "possible",
  steps: [miopenLog, leaveMiopen],
  sources: sources(
    "AUTOMATIC1111/stable-diffusion-webui#6420 2023-01",
    "ROCm/MIOpen#1254 2021-10",
    "ROCm/MIOpen#87 2019-04",
  ),
  explains: ["miopen-status", "process-died", "generic-hip-tail"],
};

export const status: Pattern = {
  id: "miopen-status",
  role: "tail",
  title: "MIOpen reported an error",
  signs: [/\bmiopenStatus(?:Unknown|Internal|NotInitialized|BadParm|AllocFailed)\w{0,10}\b/],
  cause: "The status names no cause. The lines that MIOpen printed before it do.",
  isNot: ["a cause by itself"],
  certainty: "possible",
  steps: [miopenLog, leaveMiopen],
  sources: sources("ROCm/MIOpen#1528 2022-04", "ROCm/TheRock#724 2025-05"),
};

export const noAlgorithm: Pattern = {
  id: "miopen-no-algorithm",
  role: "cause",
  title: "MIOpen found no way to compute this convolution",
  signs: [
    /No suitable algorithm was found to execute the required convolution/,
    /Unable to find a suitable algorithm for doing (?<pass>\w{1,20}) convolution/,
  ],
  cause: (seen) =>
    seen.clue("convolutionsOff")
      ? "Every solver that could do this shape is switched off: variables " +
        "MIOPEN_DEBUG_CONV_... take whole families away, and nothing is left."
      : "No solver accepts this shape, type and target: too little memory for its workspace, " +
        "solvers that are switched off, or a target that MIOpen has few solvers for.",
  isNot: ["a wrong model: other cards compute the same convolution"],
  certainty: (seen) => (seen.clue("convolutionsOff") ? "likely" : "possible"),
  steps: [
    { what: "Take switches away that turn solvers off.", command: "env | grep MIOPEN_" },
    miopenLog,
    leaveMiopen,
    withoutRocm,
  ],
  sources: sources(
    "patientx/ComfyUI-Zluda#435 2026-03",
    "ROCm/TheRock#724 2025-05",
    "ROCm/MIOpen#87 2019-03",
  ),
  explains: ["miopen-status", "process-died"],
};

export const cacheDatabase: Pattern = {
  id: "miopen-cache-unusable",
  role: "cause",
  title: "MIOpen cannot use its cache or database files",
  signs: [
    /Internal error while accessing SQLite database: (?<reason>[\w /]{1,40})/,
    /open memvfs: unable to open database file/,
    /filesystem::permissions: .{0,60}"\S{0,200}miopen\S{0,120}"/,
  ],
  cause:
    "MIOpen keeps tuned settings and compiled kernels in SQLite files under ~/.config/miopen " +
    "and ~/.cache/miopen. They lie on a file system without proper locks (a network share), " +
    "are not writable, or their folder is not there.",
  isNot: ["a fault of the GPU"],
  certainty: "likely",
  steps: [
    {
      what: "Put them on a local disk.",
      command: 'export MIOPEN_USER_DB_PATH="$(mktemp -d)" MIOPEN_CUSTOM_CACHE_DIR="$(mktemp -d)"',
    },
  ],
  sources: sources(
    "ROCm/MIOpen#2214 2023-07",
    "ROCm/tensorflow-upstream#1419 2021-08",
    "ROCm/ROCm#1677 2022-02",
    "pytorch/pytorch#60477 2021-06",
  ),
  explains: ["miopen-status", "process-died"],
};

export const comgrIsa: Pattern = {
  id: "comgr-unknown-target",
  role: "cause",
  title: "ROCm's compiler library does not know the name of the target",
  signs: [/amd_comgr_action_info_set_isa_name.{0,60} (?<isa>amdgcn-\S{1,60}) INVALID_ARGUMENT/],
  cause:
    "MIOpen asked the library comgr to compile for a target that this comgr does not know: " +
    "libraries of two ROCm versions are mixed, or the target is newer or older than comgr.",
  isNot: ["a missing database: that warning stands beside it and is harmless"],
  certainty: "likely",
  steps: [
    {
      what: "See which comgr is loaded, and from where.",
      command:
        "ldd \"$(python -c 'import torch; print(torch.__path__[0])')/lib/libMIOpen.so\" | " +
        "grep -E 'comgr|hip'",
    },
    leaveMiopen,
  ],
  sources: sources("ROCm/MIOpen#1254 2021-10"),
  explains: ["miopen-build-failed", "miopen-status", "process-died"],
};
