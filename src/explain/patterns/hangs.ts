import { type Pattern, sources } from "../pattern.ts";
import { hipOneByOne, kernelLog, machineState, overrideSteps } from "../steps.ts";

export const gpuHang: Pattern = {
  id: "gpu-hang",
  role: "symptom",
  title: "The GPU stopped answering (HIP saw a hang)",
  signs: [/HW Exception by GPU node-(?<node>\d{1,3}).{0,60}reason ?: ?GPU Hang/],
  cause:
    "A kernel did not come back and the runtime gave up. Seen with code of another target, " +
    "with kernels and firmware that disagree with the runtime, and with kernel-driver " +
    "faults; the line names none of them.",
  isNot: ["a loop in the Python program", "proof of a broken card"],
  certainty: "possible",
  steps: (seen) => [kernelLog, ...overrideSteps(seen), hipOneByOne],
  sources: sources(
    "lamikr/rocm_sdk_builder#141 2024-08",
    "ROCm/ROCm#5259 2025-09",
    "beecave-homelab/insanely-fast-whisper-rocm#61 2026-05",
  ),
  explains: ["process-died", "generic-hip-tail"],
};

export const ringTimeout: Pattern = {
  id: "ring-timeout",
  role: "symptom",
  title: "The kernel's log: a GPU queue made no progress and was given up",
  signs: [
    /ring (?<ring>[a-z]{2,6}[\w.]{0,12}) timeout/,
    /Waiting for fences timed out/,
    /\[drm:amdgpu_job_timedout/,
  ],
  cause: (seen) => {
    const rings = seen.values("ring-timeout", "ring");
    const kind = rings.some((ring) => ring.startsWith("comp"))
      ? "A compute job"
      : rings.some((ring) => /^(?:sdma|page)/.test(ring))
        ? "A memory copy (SDMA)"
        : rings.some((ring) => ring.startsWith("gfx"))
          ? "A job of the graphics queue, which the desktop shares with compute,"
          : "A job";
    return (
      `${kind} did not end in time, and the kernel resets the GPU. Long kernels, code of ` +
      "another target, and driver faults end like this; the log does not say which."
    );
  },
  isNot: ["the fault of the program that the line names: it may have waited behind another"],
  certainty: "possible",
  steps: (seen) => [
    ...overrideSteps(seen),
    ...(seen.values("ring-timeout", "ring").some((ring) => /^(?:sdma|page)/.test(ring))
      ? [
          {
            what: "Copies by shaders in place of the copy engine, as a test.",
            command: "HSA_ENABLE_SDMA=0 python your_program.py",
          },
        ]
      : []),
    {
      what: "The lines before the first timeout, from the boot that failed.",
      command: "journalctl -k -b -1 | grep -iE 'amdgpu|kfd|drm' | tail -n 80",
    },
    machineState,
  ],
  sources: sources(
    "ROCm/ROCm#1724 2022-04",
    "pop-os/cosmic-epoch#3764 2026-07",
    "ROCm/xformers#14 2024-06",
    "ROCm/ROCR-Runtime#180 2024",
    "ggml-org/llama.cpp#27076 2026-08",
  ),
  explains: ["gpu-reset", "vulkan-device-lost", "gpu-hang", "process-died"],
};

export const gpuReset: Pattern = {
  id: "gpu-reset",
  role: "symptom",
  title: "The GPU was reset",
  signs: [
    /GPU reset begin!/,
    /\b(?:MODE[12]|BACO) reset\b/,
    /VRAM is lost due to GPU reset/,
    /GPU reset\(\d{1,4}\) succeeded/,
    /device wedged, but recovered through reset/,
  ],
  cause:
    "The driver reset the card after a hang; programs lose their data on it. The reason " +
    "stands in the lines before the first reset.",
  isNot: ["a cause by itself"],
  certainty: "possible",
  steps: [
    {
      what: "The lines before the reset.",
      command: "journalctl -k | grep -B 20 -m 1 'GPU reset begin'",
    },
  ],
  sources: sources("ROCm/ROCm#1724 2022-04", "pop-os/cosmic-epoch#3764 2026-07"),
  explains: ["vulkan-device-lost", "process-died"],
};

export const preemption: Pattern = {
  id: "queue-preemption",
  role: "symptom",
  title: "The kernel's log: a compute queue could not be stopped",
  signs: [
    /[Qq]ueue preemption time ?out/,
    /cp queue (?:pipe \d{1,2} queue \d{1,2} )?preemption failed/,
    /Failed to (?:evict|restore) process queues/,
    /MES failed to respon(?:d|se)/,
    /unmapping queues failed/,
    /the cp might be in an unrecoverable state/,
  ],
  cause:
    "A compute kernel hangs so hard that the driver cannot take it off the GPU. What the " +
    "kernel did is not in these lines.",
  isNot: ["lack of memory", "missing permissions"],
  certainty: "possible",
  steps: (seen) => [...overrideSteps(seen), kernelLog, machineState],
  sources: sources(
    "ollama/ollama#738 2023",
    "ROCm/TheRock#5793 2026",
    "ROCm/ROCm#40 2016-10",
    "ROCm/ROCm#2429 2023-11",
  ),
  explains: ["gpu-reset", "gpu-hang", "process-died"],
};
