import { all, any, both, fact, not } from "../condition.ts";
import type { Rule } from "../rule.ts";
import {
  builtFor,
  canLaunch,
  gfxIs,
  hasCode,
  installAmdWheel,
  isMain,
  isRdna1,
  isRocmTorch,
  rocmOfTorch,
  runsByOverride,
  showTorch,
  useEngine,
} from "./common.ts";
import { sources } from "./sources.ts";

/*
 * Which PyTorch is installed, and whether it holds code for the card.
 */

const named = "PyTorch {pytorch.version|pytorch.build} in {pytorch.environment|pytorch.path}";

export const noTorch: Rule = {
  id: "torch-missing",
  title: "No PyTorch",
  severity: "blocks",
  about: ["card"],
  when: all(
    isMain,
    fact("torch", (found) => found.length === 0),
  ),
  why: "no PyTorch was found",
  certainty: "confirmed",
  howToFindOut: ["python3 -m pip show torch"],
  remedies: [...installAmdWheel, useEngine],
  sources: [sources.releases],
};

export const cpuTorch: Rule = {
  id: "torch-for-cpu",
  title: "PyTorch for the CPU alone",
  severity: "blocks",
  about: ["card", "pytorch"],
  when: all(isMain, builtFor("cpu")),
  why: `${named} is built for the CPU: it never uses a GPU`,
  certainty: "confirmed",
  howToFindOut: [showTorch],
  remedies: [...installAmdWheel, useEngine],
  sources: [sources.releases],
};

export const otherVendorsTorch: Rule = {
  id: "torch-for-other-gpus",
  title: "PyTorch for another maker's GPUs",
  severity: "blocks",
  about: ["card", "pytorch"],
  when: all(isMain, builtFor("cuda", "xpu")),
  why:
    `${named} is built for NVIDIA's or Intel's GPUs ({pytorch.build} ` +
    '{pytorch.cudaVersion|""}): it does not see an AMD card',
  certainty: "confirmed",
  howToFindOut: [showTorch],
  remedies: [...installAmdWheel, useEngine],
  sources: [sources.releases],
};

export const noCode: Rule = {
  id: "torch-without-code",
  title: "PyTorch holds no code for the card",
  severity: "blocks",
  about: ["card", "pytorch"],
  when: all(
    isMain,
    builtFor("rocm-stock", "amd-family", "distribution", "source"),
    not(hasCode),
    not(runsByOverride),
  ),
  why:
    `${named} holds code for {pytorch.targets}, not for {card.gfx}: kernels end in "invalid ` +
    'device function" or a segmentation fault',
  certainty: "confirmed",
  howToFindOut: [showTorch],
  remedies: [...installAmdWheel, useEngine],
  sources: [sources.stockWheels],
};

export const noExtra: Rule = {
  id: "device-extra-missing",
  title: "AMD's PyTorch without the package for this card",
  severity: "blocks",
  about: ["card", "pytorch"],
  when: all(isMain, builtFor("amd-multiarch"), not(hasCode), not(runsByOverride)),
  why:
    `${named} came without its extra device-{card.gfx}: it is host code alone, and kernels ` +
    'end in "device kernel image is invalid"',
  certainty: "confirmed",
  howToFindOut: [showTorch],
  remedies: [
    {
      when: gfxIs("gfx1010", "gfx1011", "gfx1012"),
      does:
        "add the package with the code for {card.gfx}, in the same version, from the same " +
        "index",
      commands: [
        '{pytorch.environment|"."}/bin/pip install --index-url ' +
          "https://repo.amd.com/rocm/whl-multi-arch/ " +
          '"torch[device-{card.gfx}]=={pytorch.version}"',
      ],
    },
    ...installAmdWheel,
  ],
  sources: [sources.extraNeeded, sources.releases],
};

export const codeInKpack: Rule = {
  id: "code-in-kpack",
  title: "The code for the card lies beside the library",
  severity: "note",
  about: ["card", "pytorch"],
  when: all(
    isMain,
    isRocmTorch,
    both("pytorch.targets", "card.gfx", (targets, gfx) => !targets.includes(gfx)),
    both("pytorch.kpackTargets", "card.gfx", (targets, gfx) => targets.includes(gfx)),
  ),
  why:
    "libtorch_hip.so itself holds no code for {card.gfx}, the kpack archives beside it do: " +
    "tools that look into the library alone are wrong here",
  certainty: "confirmed",
  howToFindOut: [showTorch],
  remedies: [],
  sources: [sources.kpack],
};

export const rocblasWithout: Rule = {
  id: "rocblas-without-target",
  title: "rocBLAS has no kernels for the card",
  severity: "blocks",
  about: ["card", "pytorch"],
  when: all(
    isMain,
    canLaunch,
    not(runsByOverride),
    both("pytorch.rocblasTargets", "card.gfx", (targets, gfx) => !targets.includes(gfx)),
  ),
  why:
    "the rocBLAS of {pytorch.environment|pytorch.path} has kernels for " +
    "{pytorch.rocblasTargets}, not for {card.gfx}: matrix products, and convolutions that " +
    'are computed by them, end in "Cannot read TensileLibrary"',
  certainty: "confirmed",
  howToFindOut: ["ls {pytorch.path}/lib/rocblas/library | grep {card.gfx}"],
  remedies: [...installAmdWheel],
  sources: [sources.tensileFallback],
};

export const oldSourceBuild: Rule = {
  id: "rocm-too-old",
  title: "ROCm 5.3 to 6.0 and a PyTorch built for gfx1010",
  severity: "blocks",
  about: ["card", "pytorch"],
  when: all(gfxIs("gfx1010"), isRocmTorch, hasCode, rocmOfTorch("5.3", "6.1")),
  why:
    `${named} holds code for gfx1010, but sits on ROCm {pytorch.rocmVersion}: such a build ` +
    "ended in a segmentation fault, builds on 6.1 and later ran",
  certainty: "reported",
  howToFindOut: ["cat {pytorch.path}/version.py"],
  remedies: [...installAmdWheel, useEngine],
  sources: [sources.oldRocm, sources.selfBuilt],
};

export const newerRocmSlower: Rule = {
  id: "rocm-slower-than-before",
  title: "ROCm 7.1 was reported slower than 6.4 on RDNA1",
  severity: "slows",
  about: ["card", "pytorch"],
  when: all(
    isRdna1,
    canLaunch,
    any(
      rocmOfTorch("7.1", "7.2"),
      fact("pytorch.rocmVersion", (version) => (/^[0-6]\./.test(version) ? false : "unknown")),
    ),
  ),
  why:
    "ROCm {pytorch.rocmVersion}: the owner of an RX 5600M measured convolutions 2 to 3 times " +
    "slower with 7.1.1 than with 6.4",
  certainty: "reported",
  howToFindOut: [
    'python3 -m timeit -s "import torch; c = torch.nn.Conv2d(64, 64, 3, padding=1).cuda(); ' +
      'x = torch.randn(8, 64, 128, 128).cuda()" "c(x); torch.cuda.synchronize()"',
  ],
  remedies: [],
  sources: [sources.rocmSeven],
};
