import { fact, forSome, not } from "../../doctor/condition.ts";
import type { Source } from "../../doctor/rule.ts";
import { canLaunch, inWsl } from "../../doctor/rules/common.ts";
import { sources } from "../../doctor/rules/sources.ts";
import type { Remedy, RemedyOption, Requirement } from "../remedy.ts";
import { GB, notOnWindows } from "./common.ts";
import { installRekindleTorch } from "./install-rekindle-torch.ts";

/*
 * The Python package of this project, in the environment of a PyTorch that is there: layers that
 * avoid MIOpen, or the engine on Vulkan behind a module of PyTorch.
 */

/** With "gpu" as its argument, a computation on the CPU proves nothing. */
const proveLayers = `
import copy, sys, torch, rekindle_torch
device = "cuda" if torch.cuda.is_available() else "cpu"
if "gpu" in sys.argv and device == "cpu":
    raise SystemExit("PyTorch sees no GPU")
torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU())
safe = copy.deepcopy(net).to(device)
print(rekindle_torch.make_safe(safe))
x = torch.randn(4, 3, 16, 16)
net(x).square().sum().backward()
safe(x.to(device)).square().sum().backward()
a, b = net[0].weight.grad, safe[0].weight.grad.cpu()
error = ((a - b).norm() / a.norm()).item()
print("on", device, "relative error of the gradient", error)
raise SystemExit(0 if error < 1e-3 else "the gradient is wrong")
`;

const proveBridge = `
import torch, rekindle_torch
torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU()).eval()
x = torch.randn(1, 3, 32, 32)
fast = rekindle_torch.accelerate(net, x, fallback=False)
with torch.no_grad():
    error = ((fast(x) - net(x)).norm() / net(x).norm()).item()
print("relative error", error)
raise SystemExit(0 if error < 1e-3 else "the result is wrong")
`;

const ownTests: Source = {
  title: "Rekindle: what the layers and the bridge do, and what was measured",
  at: "docs/pytorch.md",
  date: "2026-11",
};

const options: readonly RemedyOption[] = [
  { name: "python", meaning: "an interpreter with PyTorch", otherwise: "" },
  { name: "source", meaning: "a folder, file or name that pip installs", otherwise: "" },
  { name: "index", meaning: "another package index", otherwise: "" },
];

const hasTorch: Requirement = {
  when: fact("torch", (found) => found.length > 0),
  otherwise: "no PyTorch is installed",
};

const rest = {
  kind: "way",
  changes: [
    "A new folder beside the packages of a PyTorch that is there, and one file that puts it " +
      "on its path.",
  ],
  options,
} as const satisfies Partial<Remedy>;

export const rekindleTorch: Remedy = {
  ...rest,
  id: "rekindle-torch",
  title: "rekindle_torch: layers that avoid MIOpen",
  standsOn: "rocm",
  gives: "convolutions, BatchNorm and RNNs that PyTorch's own kernels compute, in your scripts",
  serves: { train: "slowly", infer: "slowly", comfyui: "partly" },
  fp16: "unknown",
  certainty: "inferred",
  evidence:
    "the layers agree with PyTorch's on the CPU, gradients too; on RDNA1 they rest on matrix " +
    "products, which users report to work there, and nobody has reported them yet",
  sources: [ownTests, sources.batchNorm, sources.halfSlower],
  requires: [
    notOnWindows,
    hasTorch,
    {
      when: forSome("pytorch", canLaunch),
      otherwise: "no PyTorch here has code for the card, and these layers need one that has",
    },
  ],
  cost: () => ({ minutes: [1, 3], downloadBytes: 0.03 * GB, diskBytes: 0.1 * GB, root: false }),
  risks: ["It is slower than MIOpen where MIOpen works."],
  plan: (situation) =>
    installRekindleTorch(situation, "rekindle-torch", {
      does: "a convolution with BatchNorm trains, and agrees with the CPU",
      args: ["-c", proveLayers, ...(situation.at.card === undefined ? [] : ["gpu"])],
    }),
};

export const rekindleTorchVulkan: Remedy = {
  ...rest,
  id: "rekindle-torch-vulkan",
  title: "rekindle_torch: PyTorch models on Vulkan",
  standsOn: "vulkan",
  gives: "PyTorch models on the card through Vulkan, whatever the PyTorch is",
  serves: { train: "partly", infer: "well", comfyui: "partly" },
  fp16: "yes",
  certainty: "inferred",
  evidence:
    "models agree with PyTorch on software Vulkan and on an H100; Mesa's driver compiles their " +
    "shaders for gfx1010, and nobody has reported them on such a card yet",
  sources: [ownTests, sources.vulkan],
  requires: [
    notOnWindows,
    hasTorch,
    { when: not(inWsl), otherwise: "WSL has no Vulkan driver for the card" },
  ],
  cost: () => ({ minutes: [1, 5], downloadBytes: 0.15 * GB, diskBytes: 0.4 * GB, root: false }),
  risks: ["Whole models infer only: in training the convolutions alone run on the card."],
  plan: (situation) =>
    installRekindleTorch(situation, "rekindle-torch-vulkan", {
      does: "a model on Vulkan agrees with PyTorch",
      args: ["-c", proveBridge],
    }),
};
