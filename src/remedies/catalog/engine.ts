import { any, fact, not } from "../../doctor/condition.ts";
import { inWsl, onWindows } from "../../doctor/rules/common.ts";
import { sources } from "../../doctor/rules/sources.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Plan, Step } from "../step.ts";
import { GB } from "./common.ts";
import { installSystemPackages, managerOf } from "./system-packages.ts";

/** A driver that reaches a GPU, as far as WebGPU or the installed drivers tell. */
const hasDriver = any(
  fact("webgpu.adapters", (found) => found.some(({ kind, suits }) => kind === "gpu" && suits)),
  fact("vulkan.drivers", (found) =>
    found.some(({ isSoftware, libraryExists }) => !isSoftware && libraryExists !== false),
  ),
  onWindows,
);

async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { facts, at } = situation;
  const isMissing = hasDriver({ facts, at }).answer === "no";
  const steps: Step[] = isMissing
    ? await installSystemPackages(situation, "install-driver", {
        apt: ["libvulkan1", "mesa-vulkan-drivers"],
        pacman: ["vulkan-icd-loader", "vulkan-radeon"],
        dnf: ["vulkan-loader", "mesa-vulkan-drivers"],
      })
    : [];
  return {
    steps,
    verification: [{ kind: "trial", target: "engine", onGpu: true }],
    notes: [
      "Networks come as ONNX files: torch.onnx.export, or rekindle_torch for PyTorch models.",
      "rekindle run MODEL.onnx --image PICTURE; rekindle bench model resnet50",
    ],
  };
}

export const engine: Remedy = {
  id: "engine",
  title: "Rekindle's own engine on Vulkan",
  kind: "way",
  standsOn: "vulkan",
  gives: "ONNX networks on the card through Vulkan or Direct3D, without ROCm",
  serves: { infer: "well" },
  fp16: "yes",
  certainty: "inferred",
  evidence:
    "every operator agrees with its reference on software Vulkan, and networks with ONNX Runtime " +
    "on an H100; Mesa's driver compiles the kernels for gfx1010 without spills, and nobody has " +
    "reported them on such a card yet",
  sources: [sources.vulkan],
  requires: [
    { when: not(inWsl), otherwise: "WSL has no Vulkan driver for the card" },
    {
      when: any(
        hasDriver,
        fact("os.id", (id) => managerOf(id) !== undefined),
      ),
      otherwise: "no Vulkan driver is installed, and this distribution's packages are not known",
    },
  ],
  cost: (view) => {
    const isMissing = hasDriver(view).answer === "no";
    return {
      minutes: [0, isMissing ? 5 : 2],
      downloadBytes: isMissing ? 0.05 * GB : 0,
      diskBytes: isMissing ? 0.2 * GB : 0,
      root: isMissing,
    };
  },
  changes: ["Nothing, or Mesa's Vulkan driver where there is none."],
  risks: ["It infers ONNX networks: training and PyTorch's own operators are not its business."],
  plan,
};
