import { type Certainty, type Pattern, sources } from "../pattern.ts";
import { isAtLeast, type Seen } from "../seen.ts";
import { hipLog, kernelLog, machineState, withoutRocm } from "../steps.ts";

const id = "kernel-runtime-mismatch";

/** Navi10 up to before gfx1250: there runtime and driver count waves differently. */
const isAffected = (target: string | undefined) =>
  target === undefined ? undefined : /^gfx1[01]\d[0-9a-f]$|^gfx120\d$/.test(target);

const inferred =
  " The reports are of gfx1012; that gfx1010 is concerned follows from the same figures and " +
  "nobody has reported it.";

function judge(seen: Seen): Certainty | undefined {
  if (seen.value(id, "expected")) return "confirmed";
  const affected = isAffected(seen.target);
  if (affected === false) return undefined;
  if (!seen.kernel) return "possible";
  // Before 6.12 the driver does not compare the sizes.
  if (!isAtLeast(seen.kernel, 6, 12)) return undefined;
  return affected ? "likely" : "possible";
}

export const queueSize: Pattern = {
  id,
  role: "cause",
  title: "The kernel driver and ROCm's runtime disagree about the size of a queue",
  signs: [
    /Freezing the executable failed: HSA_STATUS_ERROR_OUT_OF_RESOURCES/,
    /(?<expected>expected size 0x[0-9a-f]{1,12}) not equal to mapping addr/,
  ],
  cause: (seen) =>
    "From Linux 6.12 on the driver checks the size of the area in which it saves a queue. " +
    "ROCm's runtime computes it with 40 waves per compute unit, the driver with 32, for " +
    "cards from RDNA1 on; so no queue is made and every kernel " +
    `fails.${seen.target === "gfx1010" ? inferred : ""}`,
  isNot: ["lack of memory, though the message speaks of resources", "missing GPU code"],
  certainty: judge,
  steps: [
    { what: "Which kernel is running?", command: "uname -r" },
    { what: "Boot a kernel before 6.12, or take a runtime with rocm-systems#11299 in it." },
    {
      what: "To be certain: what the driver says when it refuses (needs root).",
      command:
        "echo 'func kfd_queue_buffer_get +p' | sudo tee " +
        "/sys/kernel/debug/dynamic_debug/control; sudo dmesg -w | grep 'expected size'",
    },
    withoutRocm,
  ],
  sources: sources("ROCm/TheRock#7472 2026-09", "ROCm/rocm-systems#11299 2026-09"),
  explains: ["out-of-resources", "process-died", "generic-hip-tail"],
};

export const queueCreate: Pattern = {
  id: "queue-create-failed",
  role: "symptom",
  title: "The kernel driver refused to make a compute queue",
  signs: [
    /Queue create failed at hsaKmtCreateQueue/,
    /DQM create queue (?:type \d{1,2} )?failed/,
    /No more SDMA queue to allocate/,
  ],
  cause:
    "The runtime asked the driver for a queue and was refused: sizes that disagree (kernel " +
    "6.12 and later with RDNA), firmware that does not answer, or all queues in use.",
  isNot: ["lack of GPU memory, as a rule"],
  certainty: "possible",
  steps: [
    {
      what: "Kernel and its messages.",
      command: "uname -r; sudo dmesg | grep -iE 'amdgpu|kfd' | tail -n 40",
    },
    machineState,
  ],
  sources: sources(
    "ROCm/ROCm#5818 2025-12",
    "M-Bab/linux-kernel-amdgpu-binaries#106 2023-10",
    "ROCm/rocRAND#641 2025-04",
  ),
  explains: ["out-of-resources"],
};

export const outOfResources: Pattern = {
  id: "out-of-resources",
  role: "symptom",
  title: "ROCm's runtime could not get something that it needs",
  signs: [/HSA_STATUS_ERROR_OUT_OF_RESOURCES/, /Call returned 4104/, /hsa_init.{0,30}0x1008/],
  cause:
    "One message for many causes: /dev/kfd that may not be opened, no GPU that ROCm " +
    "supports, a queue that the kernel refuses, seldom memory. The lines before it tell " +
    "which.",
  isNot: ["lack of memory, as a rule"],
  certainty: "possible",
  steps: [
    { what: "Can this user open the device?", command: "ls -l /dev/kfd /dev/dri/renderD*; id -nG" },
    kernelLog,
    hipLog,
  ],
  sources: sources(
    "ROCm/ROCm#1088 2020-05",
    "ROCm/rocminfo#34 2020-04",
    "ROCm/rocm-systems#1153 2025-09",
    "ROCm/TheRock#3318 2026-02",
  ),
  explains: ["process-died"],
};

export const notInKfd: Pattern = {
  id: "card-not-in-kfd",
  role: "cause",
  title: "The kernel's compute driver does not support this card",
  signs: [
    /kfd kfd: (?:amdgpu: )?(?<chip>[A-Z]\w{2,20})\s{1,4}not supported in kfd/,
    /kfd not supported on this asic/i,
  ],
  cause: (seen) =>
    "amdkfd, the part of the kernel that ROCm talks to, left " +
    `${seen.value("card-not-in-kfd", "chip") ?? "the card"} out. No ROCm program can use it.`,
  isNot: ["missing permissions", "something that a setting in user space mends"],
  certainty: "confirmed",
  steps: [withoutRocm],
  sources: sources("ROCm/ROCm#2232 2023-06", "ROCm/ROCm#436 2018-06"),
  explains: ["out-of-resources", "no-gpu-visible", "kfd-absent"],
};

export const noGpu: Pattern = {
  id: "no-gpu-visible",
  role: "symptom",
  title: "PyTorch sees no AMD GPU",
  signs: [
    /No HIP GPUs are available/,
    /\bhipErrorNoDevice\b/,
    /HIP error: no ROCm-capable device is detected/,
  ],
  cause:
    "This PyTorch is built for ROCm and found no card: no permission on /dev/kfd, a card " +
    "that the kernel left out, HIP_VISIBLE_DEVICES that hides it, a container without the " +
    "devices, or WSL.",
  isNot: ["a PyTorch for the CPU: that says 'not compiled with CUDA'"],
  certainty: "possible",
  steps: [
    {
      what: "Devices, groups, and variables that hide cards.",
      command: "ls -l /dev/kfd /dev/dri/renderD*; id -nG; env | grep -E 'VISIBLE_DEVICES|HSA_'",
    },
    kernelLog,
    machineState,
  ],
  sources: sources(
    "aieater/rocm_pytorch_informations#13 2021-04",
    "pytorch/pytorch#70036 2021-12",
    "ROCm/ROCm#4864 2025-05",
  ),
};

export const wsl: Pattern = {
  id: "wsl-without-card",
  role: "cause",
  title: "Inside WSL this card is not offered to ROCm",
  signs: [
    /WSL environment detected/,
    /No HIP GPUs are available/,
    /ROCk module is NOT loaded/,
    /Unable to open \/dev\/kfd read-write: No such file/,
  ],
  cause:
    "WSL has no /dev/kfd. AMD's Windows driver lends some newer cards to ROCm in WSL, RDNA1 " +
    "is not among them.",
  isNot: ["missing permissions: there is no device to open"],
  certainty: (seen) => {
    if (seen.facts?.wsl?.inWsl === false || !(seen.clue("wsl") || seen.facts?.wsl?.inWsl))
      return undefined;
    const fails = ["no-gpu-visible", "kfd-absent", "out-of-resources"].some((other) =>
      seen.hit(other),
    );
    if (!fails) return undefined;
    return seen.facts?.wsl?.inWsl || seen.target ? "likely" : "possible";
  },
  steps: [
    {
      what:
        "Use the card in Windows itself: AMD's wheels for Windows, or Direct3D 12 through this " +
        "engine.",
      command: "rekindle devices",
    },
  ],
  sources: sources(
    "ROCm/ROCm#1361 2021-01",
    "ROCm/ROCm#1794 2022-08",
    "ROCm/rocm-systems#1153 2025-09",
  ),
  explains: ["no-gpu-visible", "kfd-absent", "out-of-resources"],
};
