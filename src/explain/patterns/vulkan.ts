import { type Pattern, sources } from "../pattern.ts";
import { kernelLog } from "../steps.ts";

export const deviceLost: Pattern = {
  id: "vulkan-device-lost",
  role: "symptom",
  title: "Vulkan lost the device",
  signs: [
    /VK_ERROR_DEVICE_LOST/,
    /\bErrorDeviceLost\b|\bDeviceLostError\b/,
    /radv\/amdgpu: The CS has been (?:cancelled|rejected)/,
    /WebGPU device lost(?! \(2\))/,
  ],
  cause:
    "The driver gave a program's work up: a submission that ran too long, a fault, a reset " +
    "that another program caused, or more memory than there is. The kernel's log tells which.",
  isNot: ["a problem of ROCm: Vulkan does not use it"],
  certainty: "possible",
  steps: [
    kernelLog,
    {
      what: "Newer Mesa, and smaller pieces of work (batch, picture).",
      command: "vulkaninfo --summary | grep -iE 'driver|device'",
    },
  ],
  sources: sources(
    "ggml-org/llama.cpp#18962 2026-01",
    "ggml-org/llama.cpp#25664 2026-08",
    "ggml-org/llama.cpp#21724 2026-05",
  ),
  explains: ["process-died"],
};

export const deviceDestroyed: Pattern = {
  id: "webgpu-device-destroyed",
  role: "cause",
  title: "The program itself closed the WebGPU device",
  signs: [/WebGPU device lost \(2\): Device was destroyed/],
  cause:
    "Reason 2 is 'destroyed': the program, or a library in it, released the device and went " +
    "on using it. ONNX Runtime Web did so after the last session was released.",
  isNot: ["a crash of the GPU or its driver"],
  certainty: "likely",
  steps: [{ what: "Take a newer ONNX Runtime Web, or keep one session open." }],
  sources: sources("microsoft/onnxruntime#27634 2026-03"),
};

export const noAdapter: Pattern = {
  id: "webgpu-no-adapter",
  role: "cause",
  title: "The browser or program offers no WebGPU adapter",
  signs: [
    /No appropriate GPUAdapter found/,
    /Could NOT get WebGPU adapter/i,
    /Failed to create WebGPU Context Provider/,
    /WebGPU on Linux requires/,
    /No available adapters\./,
  ],
  cause: (seen) =>
    seen.clue("windows")
      ? "WebGPU found no GPU that it accepts: a driver that is too old or blocked, or hardware " +
        "acceleration switched off."
      : "WebGPU found no GPU that it accepts. On Linux, Chrome offers it only with Vulkan " +
        "switched on, and Vulkan needs a driver (Mesa) that is new enough.",
  isNot: ["a broken card"],
  certainty: (seen) => (seen.facts?.vulkan?.hasLoader === false ? "confirmed" : "likely"),
  steps: [
    { what: "Does Vulkan see the card?", command: "vulkaninfo --summary" },
    {
      what: "Chrome on Linux with Vulkan.",
      command: "google-chrome --enable-unsafe-webgpu --enable-features=Vulkan",
    },
    { what: "What this engine can use.", command: "rekindle devices" },
  ],
  sources: sources(
    "eliemichel/LearnWebGPU-Code#7 2023-05",
    "Alex313031/thorium#535 2024-01",
    "googlecodelabs/feedback#1485 2025-06",
  ),
  explains: ["process-died"],
};
