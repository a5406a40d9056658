import { type Pattern, sources } from "../pattern.ts";
import { hipOneByOne, kernelLog, machineState, overrideSteps } from "../steps.ts";

export const memoryFault: Pattern = {
  id: "memory-fault",
  role: "symptom",
  title: "A GPU program used an address that it does not own",
  signs: [
    /Memory access fault by GPU node-.{0,80}on address (?<address>0x[0-9a-f]{1,16}|\(nil\))/,
    /Memory access fault by GPU node/,
    /HSA_STATUS_ERROR_MEMORY_(?:FAULT|APERTURE_VIOLATION)/,
    /HIP error: an illegal memory access was encountered/,
  ],
  cause:
    "Many causes end in this message: code of another target (an override), faulty kernels " +
    "or firmware, memory that ran out unnoticed, an overclocked card, a wrong index in a " +
    "program. The text does not tell them apart.",
  isNot: [
    "a defective graphics card, as a rule",
    "the address's fault: it differs from run to run and says nothing",
  ],
  certainty: "possible",
  steps: (seen) => [...overrideSteps(seen), hipOneByOne, kernelLog, machineState],
  sources: sources(
    "AUTOMATIC1111/stable-diffusion-webui#8139 2023-04",
    "ROCm/MIOpen#3540 2025-03",
    "ROCm/ROCm#5616 2025-12",
    "andru-kun/wildrig-multi#217 2023-01",
  ),
  explains: ["process-died", "generic-hip-tail"],
};

export const faultOfExhaustion: Pattern = {
  id: "memory-fault-from-exhaustion",
  role: "cause",
  title: "The memory fault comes with exhausted GPU memory",
  signs: [
    /Memory access fault by GPU node/,
    /Memory not available to allocate buffer: (?<bytes>\d{1,15})/,
    /workspace required: \d{9,15}, provided ptr: 0/,
  ],
  cause:
    "An allocation failed shortly before the fault. Kernels then work on buffers that are " +
    "too small or absent, and the fault is the consequence.",
  isNot: ["a wrong target: the program had run until memory was short"],
  certainty: (seen) => {
    if (!seen.hit("memory-fault")) return undefined;
    if (seen.disguise || seen.override) return seen.hit("out-of-memory") ? "possible" : undefined;
    if (seen.isShortlyAfter("memory-fault", "out-of-memory")) return "likely";
    if (seen.hit("out-of-memory")) return "possible";
    return seen.value("memory-fault-from-exhaustion", "bytes") ? "possible" : undefined;
  },
  steps: [
    {
      what:
        "Make the batch or the picture smaller, or decode in tiles, and see whether the fault " +
        "goes.",
    },
    {
      what: "Watch the card's memory while it runs.",
      command: "watch -n 1 cat /sys/class/drm/card*/device/mem_info_vram_used",
    },
  ],
  sources: sources("ROCm/MIOpen#51 2018-08", "ROCm/tensorflow-upstream#629 2019-09"),
  explains: ["memory-fault", "process-died", "generic-hip-tail"],
};

export const pageFault: Pattern = {
  id: "gpu-page-fault",
  role: "symptom",
  title: "The kernel's log: a GPU program read or wrote a page that is not its own",
  signs: [
    /hub\d?\] (?:no-retry |retry )?page fault.{0,80}for process (?<process>[\w.+-]{1,40}) pid/,
    /\[(?:gfxhub|mmhub)\d?\] (?:no-retry |retry )?page fault/,
    /VM_L2_PROTECTION_FAULT_STATUS: ?(?<status>0x[0-9a-fA-F]{1,8})/,
  ],
  cause: (seen) => {
    const process = seen.value("gpu-page-fault", "process");
    const who = process ? ` of the program ${process}` : "";
    return (
      `A shader${who} used an address that has no page. The line says that it happened, not ` +
      "why: wrong code, a driver or firmware fault, or memory given back too early."
    );
  },
  isNot: ["missing PCIe atomics", "proof of bad video memory"],
  certainty: "possible",
  steps: (seen) => [
    {
      what: "Note which program the lines name: a desktop or a game may have caused it, not yours.",
    },
    ...overrideSteps(seen),
    hipOneByOne,
  ],
  sources: sources(
    "ROCm/amdgpu#172 2024",
    "ROCm/TheRock#1271 2025",
    "ROCm/ROCm#5616 2025-12",
    "CachyOS/linux-cachyos#960 2026-08",
  ),
};
