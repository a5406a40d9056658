import { type Pattern, sources } from "../pattern.ts";

const nothing = [{ what: "Nothing." }];

export const libnuma: Pattern = {
  id: "rocshmem-libnuma",
  role: "harmless",
  title: "rocSHMEM found no libnuma",
  signs: [/rocSHMEM Could not open libnuma/],
  cause:
    "A library for several GPUs looks for libnuma when it is loaded. One card does not need it.",
  isNot: ["the reason of a crash"],
  certainty: "confirmed",
  steps: nothing,
  sources: sources("ROCm/TheRock#6997 2026-07", "ROCm/TheRock#6175 2026"),
};

export const trustedApplications: Pattern = {
  id: "optional-firmware",
  role: "harmless",
  title: "The card has no firmware for features of other cards",
  signs: [
    /(?:RAS|RAP|SECUREDISPLAY): (?:optional \w{1,6}|securedisplay) ta ucode is not available/,
  ],
  cause:
    "amdgpu looks for optional firmware parts (error reports, secure displays) that consumer " +
    "cards do not have.",
  isNot: ["the reason of a reset or a hang"],
  certainty: "confirmed",
  steps: nothing,
  sources: sources("ROCm/ROCR-Runtime#180 2024", "ROCm/ROCm#6137 2026"),
};

export const unknownHipTarget: Pattern = {
  id: "hip-target-unknown",
  role: "harmless",
  title: "hipcc does not know one of the machine's GPUs",
  signs: [/The specified HIP target: (?<gfx>gfx\w{3,5}) is unknown/],
  cause: (seen) =>
    "hipcc compiles for all GPUs that it finds, and warns about " +
    `${seen.value("hip-target-unknown", "gfx") ?? "one"}, often graphics inside the ` +
    "processor. Code for the others is not touched.",
  isNot: ["a failed compilation"],
  certainty: "likely",
  steps: [{ what: "To silence it, name the target.", command: "hipcc --offload-arch=gfx1010 ..." }],
  sources: sources("ROCm/ROCm#1306 2020-12"),
};

export const nvml: Pattern = {
  id: "nvml-warning",
  role: "harmless",
  title: "PyTorch looked for NVIDIA's management library",
  signs: [/Can't initialize NVML/],
  cause:
    "PyTorch asks NVIDIA's library for the number of cards before it asks HIP. On AMD it is " +
    "absent.",
  isNot: ["a missing driver"],
  certainty: "confirmed",
  steps: nothing,
  sources: sources("pytorch/pytorch#103973 2023-11"),
};

export const cardNames: Pattern = {
  id: "amdgpu-ids",
  role: "harmless",
  title: "The table of card names was not found",
  signs: [/amdgpu\.ids: No such file/],
  cause:
    "libdrm looks for a table that turns PCI ids into names, in a folder of the machine that " +
    "built it. Only the card's name is missing.",
  isNot: ["a driver that does not know the card"],
  certainty: "confirmed",
  steps: nothing,
  sources: sources("pytorch/pytorch#144203 2025-01"),
};
