import { type Pattern, sources } from "../pattern.ts";

export const deviceRemoved: Pattern = {
  id: "direct3d-device-removed",
  role: "symptom",
  title: "Windows reset the GPU while it was computing",
  signs: [
    /DXGI_ERROR_DEVICE_(?:REMOVED|HUNG|RESET)/,
    /\b887A000(?<code>5|6|7)\b/i,
    /The GPU will not respond to more commands/,
    /The GPU device instance has been suspended/,
  ],
  cause:
    "A piece of work took longer than Windows allows (two seconds by default), or the driver " +
    "failed; Windows restarts the driver and the program loses the device.",
  isNot: ["an invalid command of the program, as the text of 887A0006 says"],
  certainty: "possible",
  steps: [
    { what: "Smaller pieces of work: batch, picture, tiles." },
    { what: "A current driver; Event Viewer, System, source Display, tells of restarts." },
  ],
  sources: sources("microsoft/onnxruntime#28495 2026-05", "microsoft/onnxruntime#26606 2025-11"),
};

export const directmlMemory: Pattern = {
  id: "directml-memory",
  role: "cause",
  title: "DirectML found not enough memory on the card",
  signs: [/Could not allocate tensor with \d{1,15} bytes\. There is not enough GPU video memory/],
  cause:
    "PyTorch on DirectML keeps more memory than PyTorch on ROCm or CUDA and gives it back " +
    "late; a small request fails when the card is full.",
  isNot: ["a request that is too large by itself: see its size", "a fault of the card"],
  certainty: "confirmed",
  steps: [
    { what: "Smaller pictures and batches, float16, tiles for a decoder." },
    {
      what: "Or the network as ONNX in this engine, through Direct3D 12.",
      command: "rekindle run model.onnx --precision f16 --random",
    },
  ],
  sources: sources(
    "microsoft/DirectML#579 2024-04",
    "lshqqytiger/stable-diffusion-webui-amdgpu#38 2023-03",
    "lllyasviel/Fooocus#1115 2023-12",
  ),
};

export const directmlGenerator: Pattern = {
  id: "directml-unsupported",
  role: "cause",
  title: "DirectML does not offer this operation",
  signs: [
    /Device type privateuseone is not supported for (?<what>[\w.()]{1,60})/,
    /Could not run '(?<what>aten::[\w.]{1,60})' with .{0,40}'(?:DML|PrivateUse1)' backend/,
  ],
  cause: (seen) =>
    "PyTorch's DirectML backend (its name is privateuseone) has no " +
    `${seen.value("directml-unsupported", "what") ?? "such operation"}.`,
  isNot: ["a fault of the card or its driver"],
  certainty: "confirmed",
  steps: [{ what: "Do that step on the CPU (a generator: torch.Generator() without a device)." }],
  sources: sources("lllyasviel/Fooocus#763 2023-11"),
};
