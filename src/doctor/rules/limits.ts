import { all, any, both, fact, not, variable } from "../condition.ts";
import type { Rule } from "../rule.ts";
import { isBetween } from "../version.ts";
import { bypassMiopen, canLaunch, gfxIs, isMain, isRdna1 } from "./common.ts";
import { sources } from "./sources.ts";

/*
 * What stays slow or broken on RDNA1 where PyTorch has code for it.
 */

export const batchNorm: Rule = {
  id: "batchnorm-training",
  title: "Training with BatchNorm fails in MIOpen",
  severity: "slows",
  about: ["card", "pytorch"],
  when: all(isRdna1, canLaunch),
  why:
    "MIOpen's kernel for training with BatchNorm holds inline assembly that {card.gfx} does " +
    "not have: it ends in miopenStatusUnknownError; inference is not concerned",
  certainty: "confirmed",
  howToFindOut: [
    'python3 -c "import torch; m = torch.nn.BatchNorm2d(8).cuda().train(); ' +
      'm(torch.randn(4, 8, 16, 16).cuda()).sum().backward()"',
  ],
  remedies: [bypassMiopen],
  sources: [sources.batchNorm, sources.batchNormSource],
};

export const halfConvolution: Rule = {
  id: "fp16-convolution-slow",
  title: "Convolutions in 16-bit floats take a slow path",
  severity: "slows",
  about: ["card", "pytorch"],
  when: all(gfxIs("gfx1010"), canLaunch),
  why:
    "MIOpen's Winograd kernels for 16-bit floats leave {card.gfx} out: fp16 falls back to " +
    "slower ones, and was measured slower than fp32",
  certainty: "confirmed",
  howToFindOut: ["MIOPEN_LOG_LEVEL=6 python3 YOUR_PROGRAM.py 2>&1 | grep -i solver"],
  remedies: [
    {
      does: "compute convolutions in 32-bit floats, and store in 16 where memory is short",
      commands: ['python3 -c "model.float()  # in your program, without autocast"'],
    },
  ],
  sources: [sources.winograd, sources.halfSlower],
};

export const databaseMissing: Rule = {
  id: "miopen-database-missing",
  title: "MIOpen has no database for the card: harmless",
  severity: "note",
  about: ["card", "pytorch"],
  when: all(
    isMain,
    canLaunch,
    both("pytorch.miopenTargets", "card.gfx", (targets, gfx) =>
      targets.every((target) => target.split("_")[0] !== gfx),
    ),
  ),
  why:
    "MIOpen brings no database for {card.gfx}: it compiles kernels and searches at the first " +
    "run of each shape, and keeps what it found; the warning may be ignored",
  certainty: "confirmed",
  howToFindOut: ["find {pytorch.path|\".\"} -name '*.kdb' -o -name '*.db.txt'"],
  remedies: [],
  sources: [sources.databaseHarmless],
};

export const tritonSilent: Rule = {
  id: "triton-writes-nothing",
  title: "Triton's kernels write nothing on RDNA1",
  severity: "slows",
  about: ["card", "pytorch"],
  when: all(
    isRdna1,
    canLaunch,
    fact("pytorch.packages", (packages) =>
      ["triton", "pytorch-triton-rocm", "triton-rocm", "triton-windows"].some(
        (name) => packages[name] !== undefined,
      ),
    ),
    variable("AMDGCN_USE_BUFFER_OPS", (value) => value !== "0"),
    // Reported with Triton of ROCm 10.2; older ones may not use buffer operations.
    fact("pytorch.rocmVersion", (version) => isBetween(version, "10.2", "10.3") || "unknown"),
  ),
  why:
    "Triton is installed and AMDGCN_USE_BUFFER_OPS is not 0: kernels of torch.compile were " +
    "seen to finish without an error and leave their results unwritten",
  certainty: "reported",
  howToFindOut: ["python3 -m pip list | grep -i triton", "env | grep AMDGCN_USE_BUFFER_OPS"],
  remedies: [
    {
      does: "switch buffer operations off, and drop what was compiled with them",
      commands: ["export AMDGCN_USE_BUFFER_OPS=0", "mv ~/.triton/cache ~/.triton/cache.old"],
    },
  ],
  sources: [sources.triton],
};

export const noFusedAttention: Rule = {
  id: "no-fused-attention",
  title: "No fused attention and no hipBLASLt",
  severity: "note",
  about: ["card", "pytorch"],
  when: all(isRdna1, canLaunch),
  why:
    "flash and memory-efficient attention (AOTriton) and hipBLASLt are not built for " +
    "{card.gfx}: attention takes more memory, int8 matrix products fail",
  certainty: "confirmed",
  howToFindOut: ['rekindle inspect {pytorch.path|"PATH/TO/torch"}'],
  remedies: [],
  sources: [sources.attention],
};

export const noVulkan: Rule = {
  id: "vulkan-missing",
  title: "No Vulkan driver",
  severity: "slows",
  about: [],
  when: all(
    fact("os.platform", (platform) => platform === "linux"),
    any(
      fact("vulkan.hasLoader", (has) => !has),
      fact("vulkan.drivers", (drivers) => drivers.length === 0),
    ),
  ),
  why: "the Vulkan loader or every driver is missing: Rekindle's engine has no GPU to run on",
  certainty: "confirmed",
  howToFindOut: ["vulkaninfo --summary"],
  remedies: [
    {
      does: "install Mesa's drivers (on Debian and Ubuntu)",
      commands: ["sudo apt-get install mesa-vulkan-drivers vulkan-tools"],
    },
  ],
  sources: [sources.vulkan],
};

export const softwareVulkan: Rule = {
  id: "vulkan-software-only",
  title: "Vulkan runs in software alone",
  severity: "slows",
  about: [],
  when: all(
    fact("vulkan.drivers", (drivers) => {
      if (drivers.length === 0) return false;
      if (drivers.some((driver) => driver.isSoftware === false)) return false;
      return drivers.some((driver) => driver.isSoftware === undefined) ? "unknown" : true;
    }),
    not(fact("vulkan.hasLoader", (has) => !has)),
  ),
  why: "the only Vulkan drivers emulate a GPU on the processor: right results, but slow",
  certainty: "confirmed",
  howToFindOut: ["vulkaninfo --summary | grep -E 'deviceName|deviceType'"],
  remedies: [
    {
      does: "install the driver of the card: Mesa's for AMD",
      commands: ["sudo apt-get install mesa-vulkan-drivers vulkan-tools", "vulkaninfo --summary"],
    },
  ],
  sources: [sources.vulkan],
};
