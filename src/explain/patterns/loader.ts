import { isRdna1 } from "../cards.ts";
import { type Certainty, type Pattern, sources } from "../pattern.ts";
import { holdsCode, type Seen } from "../seen.ts";
import { hipLog, overrideSteps, rightTorch, whichTargets, withoutRocm } from "../steps.ts";

/** How sure it is that the installed PyTorch lacks code for the card. */
function lacksCode(seen: Seen): Certainty {
  const hasCode = holdsCode(seen);
  if (hasCode === false) return "confirmed";
  // Code is there, or another target is asked for: then something else failed.
  if (hasCode || seen.override || seen.disguise) return "possible";
  // PyTorch's own wheels were never built for these cards.
  const isStock = /^rocm[3-6]\./.test(seen.torchBuild ?? "");
  return isRdna1(seen.card) && isStock ? "confirmed" : "likely";
}

const whoSuits = (seen: Seen) => (seen.target ? ` for ${seen.target}` : " for this card");

/** AMD's own wheels: ROCm 7.10 and later, in one package for all cards. */
const isMultiArch = (seen: Seen) =>
  seen.torch?.build === "amd-multiarch" ||
  /^rocm(?:7\.(?:1\d|[2-9]\d)|[89]|[1-9]\d)/.test(seen.torchBuild ?? "");

export const invalidDeviceFunction: Pattern = {
  id: "torch-without-code",
  role: "cause",
  title: "The program holds no GPU code for this card",
  signs: [
    /HIP error: invalid device function/,
    /\bhipErrorInvalidDeviceFunction\b/,
    /HIP error: no kernel image is available/,
  ],
  cause: (seen) =>
    "GPU programs carry code for a list of targets, and this one (as a rule PyTorch) has " +
    `none${whoSuits(seen)}: HIP found the card, then no kernel for it.`,
  isNot: [
    "a defect of the card or its driver",
    "a fault in the line that the traceback names: HIP reports late",
  ],
  certainty: lacksCode,
  steps: rightTorch,
  sources: sources(
    "pytorch/pytorch#132570 2024-08",
    "ROCm/ROCm#2536 2024-10",
    "lamikr/rocm_sdk_builder#185 2024",
  ),
  explains: ["generic-hip-tail", "process-died"],
};

export const noBinary: Pattern = {
  id: "no-code-object",
  role: "cause",
  title: "A library holds no GPU code for this card",
  signs: [
    // "continue parsing" stands in HIP's log for every library that it passes over.
    /\bhipErrorNoBinaryForGpu\b(?! ?: continue)/,
    /Unable to find code object for all current devices/,
    /Cou(?:ld)?n'?t find binary for current devices/,
  ],
  cause: (seen) =>
    `A HIP library was loaded that has no code object${whoSuits(seen)}. HIP gives up at the ` +
    "first call, before any kernel runs.",
  isNot: ["a missing driver: HIP did find a GPU", "a fault of the model or the script"],
  certainty: (seen) =>
    // Another vendor's card in the text: the AMD GPU may be one inside the processor.
    seen.override || seen.clue("nvidia")
      ? "possible"
      : isRdna1(seen.target)
        ? "confirmed"
        : "likely",
  steps: rightTorch,
  sources: sources(
    "ROCm/ROCm#1306 2020-12",
    "ROCm/pytorch#882 2022-04",
    "easydiffusion/easydiffusion#1477 2023-08",
  ),
  explains: ["generic-hip-tail", "process-died", "missing-code-object"],
};

export const missingCodeObject: Pattern = {
  id: "missing-code-object",
  role: "cause",
  title: "HIP's log names a file without code for this target",
  signs: [
    /Cannot find CO in the bundle (?<file>\S{1,300}) for ISA: amdgcn-\S{0,20}--(?<gfx>gfx\w{3,5})/,
    /Missing CO for these ISAs/,
    /COMGR API could not find the CO for this GPU device\/ISA: \S{0,40}(?<gfx>gfx\w{3,5})?/,
    /No compatible code objects found for: (?<gfx>gfx\w{3,5})/,
  ],
  cause: (seen) => {
    const file = seen.value("missing-code-object", "file");
    const targets = seen.values("missing-code-object", "gfx").join(", ");
    return (
      `${file ? `${file} was` : "A library was"} built without code for ` +
      `${targets || "this card"}. Where a program does not use that library, HIP goes on and ` +
      "no harm is done."
    );
  },
  isNot: ["by itself the reason of a crash: HIP prints it for every library that it passes over"],
  certainty: (seen) =>
    seen.hit("torch-without-code") || seen.hit("no-code-object") ? "likely" : "possible",
  steps: (seen) => {
    const file = seen.value("missing-code-object", "file");
    const look = file
      ? [{ what: "See what that file holds.", command: `rekindle inspect ${file}` }]
      : [whichTargets(seen.target)];
    return [...look, ...rightTorch(seen).slice(0, 1), withoutRocm];
  },
  sources: sources(
    "lamikr/rocm_sdk_builder#246 2025-04",
    "lamikr/rocm_sdk_builder#98 2024",
    "ROCm/clr#51 2024-01",
  ),
  explains: ["generic-hip-tail", "process-died"],
};

export const deviceExtraMissing: Pattern = {
  id: "device-code-not-installed",
  role: "cause",
  title: "PyTorch is installed without the device code of this card",
  signs: [/device kernel image is invalid/, /\bhipErrorInvalidImage\b/],
  cause: (seen) =>
    "AMD's current wheels keep the code of each target in a package of its own " +
    `(amd-torch-device-${seen.target ?? "gfxNNNN"}), which the extra ` +
    `[device-${seen.target ?? "gfxNNNN"}] installs. Without it there is host code alone, and ` +
    "every kernel fails like this.",
  isNot: ["a damaged download, as the words suggest", "a wrong driver"],
  certainty: (seen) => {
    const fromRocm = seen.clue("rocm");
    if (!fromRocm) return seen.clue("nvidia") ? undefined : "possible";
    const hasCode = holdsCode(seen);
    if (hasCode !== undefined) return hasCode ? "possible" : "confirmed";
    if (seen.override || seen.disguise) return "possible";
    return isMultiArch(seen) ? "likely" : "possible";
  },
  steps: (seen) => [
    {
      what: "See whether the package with the device code is there.",
      command: "pip list | grep -iE '^(torch|amd-torch-device|rocm)'",
    },
    ...rightTorch(seen),
  ],
  sources: sources(
    "ROCm/TheRock#7839 2026-09",
    "ROCm/TheRock#6997 2026-07",
    "ROCm/TheRock#7081 2026-08",
    "ROCm/TheRock#5543 2026-05",
  ),
  explains: ["generic-hip-tail", "process-died"],
};

export const sharedObject: Pattern = {
  id: "shared-object-failed",
  role: "symptom",
  title: "HIP could not set up a library with GPU code",
  signs: [
    /shared object initialization failed/,
    /\bhipErrorSharedObjectInitFailed\b/,
    /HIP error: (?:shared object symbol not found|invalid kernel file)/,
  ],
  cause:
    "HIP loaded a code object and could not initialize it: code for another target, or " +
    "libraries of two ROCm versions in one process.",
  isNot: ["a missing file: that message names the file"],
  certainty: "possible",
  steps: (seen) => [whichTargets(seen.target), hipLog],
  sources: sources(
    "ROCm/Tensile#1478 2022-03",
    "Dao-AILab/flash-attention#1652 2025-05",
    "ROCm/ROCm#5555 2025-11",
  ),
  explains: ["generic-hip-tail"],
};

export const invalidIsa: Pattern = {
  id: "invalid-isa",
  role: "symptom",
  title: "The GPU's queue stopped: code that this card cannot run, or no scratch memory for it",
  signs: [
    /HSA_STATUS_ERROR_INVALID_ISA/,
    /HSA_ERROR_INVALID_ISA/,
    /Device::callbackQueue aborting with status: 0x100f/,
    /HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION/,
  ],
  cause:
    "The GPU met an instruction that it does not have, or a kernel wanted more private " +
    "memory than the runtime could give. Code for another target does it (an override), and " +
    "so do compiler faults.",
  isNot: [
    "proof of a wrong override: the same message was seen where the memory of a kernel could " +
      "not be had",
  ],
  certainty: "possible",
  steps: (seen) => [hipLog, ...overrideSteps(seen)],
  sources: sources(
    "ROCm/hip#2245 2021-03",
    "ROCm/ROCm#3054 2024",
    "ROCm/rocBLAS#1646 2025-06",
    "ggml-org/llama.cpp#12401 2025",
  ),
  explains: ["generic-hip-tail", "process-died"],
};
