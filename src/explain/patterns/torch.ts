import { type Pattern, sources } from "../pattern.ts";
import { overrideSteps, rightTorch } from "../steps.ts";

export const halfOnCpu: Pattern = {
  id: "half-on-cpu",
  role: "cause",
  title: "A float16 network is running on the CPU",
  signs: [/"(?<operation>\w{1,60}_cpu_?\w{0,20})" not implemented for 'Half'/],
  cause:
    "The operation ran on the CPU, where this PyTorch has no float16 version of it. Either " +
    "the GPU was not found, or part of the model or data was not moved to it.",
  isNot: ["a problem of convolutions on the GPU: none ran there"],
  certainty: "confirmed",
  steps: [
    {
      what: "Does PyTorch see a GPU?",
      command: "python -c 'import torch; print(torch.__version__, torch.cuda.is_available())'",
    },
    { what: "If it should run on the CPU, use float32.", code: "model.float()" },
  ],
  sources: sources(
    "pytorch/pytorch#121958 2024-03",
    "Ekko-zn/AIGCDetectBenchmark#9 2024-01",
    "omriav/blended-diffusion#14 2022-09",
  ),
};

export const cpuBuild: Pattern = {
  id: "torch-cpu-build",
  role: "cause",
  title: "The installed PyTorch has no GPU support",
  signs: [/Torch not compiled with CUDA enabled/],
  cause:
    "This build of PyTorch is for the CPU alone. Builds for ROCm answer to the name 'cuda' " +
    "too, so this message does not come from one of them.",
  isNot: [
    "a driver problem: the driver was never asked",
    "a need for NVIDIA's CUDA on an AMD card",
  ],
  certainty: (seen) => {
    const build = seen.torch?.build;
    return build !== undefined && build !== "cpu" ? "likely" : "confirmed";
  },
  steps: (seen) => [
    {
      what: "Which build is it?",
      command: "python -c 'import torch; print(torch.__version__, torch.version.hip)'",
    },
    ...rightTorch(seen).slice(0, 1),
  ],
  sources: sources(
    "facebookresearch/detectron2#460 2019-12",
    "ProGamerGov/dream-creator#21 2021-04",
    "XPixelGroup/HAT#85 2023-09",
  ),
};

export const twoDevices: Pattern = {
  id: "tensors-on-two-devices",
  role: "cause",
  title: "Input and weights lie on different devices",
  signs: [
    /Input type \(torch\.\S{1,30}\) and weight type \(torch\.\S{1,30}\) should be the same/,
    /Expected all tensors to be on the same device/,
  ],
  cause: "The program moved the model or the data to the GPU, but not both.",
  isNot: ["a fault of ROCm or the card"],
  certainty: "confirmed",
  steps: [{ what: "Move both.", code: 'model.to("cuda"); x = x.to("cuda")' }],
  sources: sources(
    "yuanyuanli85/Fast_Human_Pose_Estimation_Pytorch#7 2019-03",
    "zihaomu/Gait_recognition_baseline_for_HID2020#1 2020-10",
  ),
};

export const notANumber: Pattern = {
  id: "nan-in-half",
  role: "symptom",
  title: "The network computed values that are no numbers",
  signs: [/A tensor with all NaNs was produced in (?<where>\w{1,20})/],
  cause:
    "Float16 overflowed somewhere, as it does in some decoders on every vendor's cards; " +
    "wrong kernels (an override) give such results as well. The message does not tell them " +
    "apart.",
  isNot: ["proof that the card computes wrongly"],
  certainty: "possible",
  steps: (seen) => [
    {
      what:
        "The same in float32 (--no-half --no-half-vae in the web interfaces): if it is right " +
        "there, it was the range of float16.",
    },
    ...overrideSteps(seen),
  ],
  sources: sources(
    "AUTOMATIC1111/stable-diffusion-webui#7633 2023-06",
    "AUTOMATIC1111/stable-diffusion-webui#10296 2023-05",
    "guoyww/AnimateDiff#307 2024-03",
  ),
};

export const triton: Pattern = {
  id: "triton-without-target",
  role: "cause",
  title: "Triton cannot compile for this target",
  signs: [/error: unsupported target: '(?<gfx>gfx\w{3,5})'/],
  cause: (seen) =>
    "This Triton has no support for " +
    `${seen.value("triton-without-target", "gfx") ?? "the target"}. torch.compile and ` +
    "kernels written in Triton need it; ordinary PyTorch does not.",
  isNot: ["missing code in PyTorch itself"],
  certainty: "confirmed",
  steps: [
    {
      what: "Leave torch.compile and Triton kernels (flash attention) off.",
      command: "TORCHDYNAMO_DISABLE=1 python your_program.py",
    },
  ],
  sources: sources("Said-Akbar/triton-gcn5#4 2025", "unslothai/unsloth#11614 2026-09"),
};
