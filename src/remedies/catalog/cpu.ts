import type { Source } from "../../doctor/rule.ts";
import type { Remedy } from "../remedy.ts";
import { folderOf, GB, installPackages, makeEnvironment, mustBeNew, pythonIn } from "./common.ts";

const pytorchSite: Source = {
  title: "PyTorch: builds for the CPU on an index of their own",
  at: "https://pytorch.org/get-started/locally/",
  date: "2026-11",
};

export const cpu: Remedy = {
  id: "cpu",
  title: "PyTorch on the CPU",
  kind: "way",
  standsOn: "cpu",
  gives: "PyTorch that computes on the processor, right and slowly, in an environment of its own",
  serves: { train: "slowly", infer: "slowly", llm: "slowly" },
  fp16: "no",
  certainty: "confirmed",
  evidence: "PyTorch's builds for the CPU use no GPU, so nothing of the card is in the way",
  sources: [pytorchSite],
  requires: [],
  cost: () => ({ minutes: [1, 10], downloadBytes: 0.3 * GB, diskBytes: 1.2 * GB, root: false }),
  changes: ["A new folder with a Python environment; nothing else."],
  risks: ["Training takes many times as long as on a GPU."],
  options: [
    { name: "folder", meaning: "where the environment is made", otherwise: "~/rekindle-torch-cpu" },
    { name: "python", meaning: "the Python to make it from", otherwise: "python3" },
    {
      name: "index",
      meaning: "the package index",
      otherwise: "https://download.pytorch.org/whl/cpu",
    },
  ],
  async plan(situation) {
    const { options, host } = situation;
    const folder = folderOf(situation, options.folder!);
    await mustBeNew(situation, folder);
    return {
      steps: [
        makeEnvironment(situation, folder, options.python!, 2 * GB),
        ...installPackages(situation, folder, ["torch", "torchvision"], options.index!),
      ],
      verification: [
        { kind: "trial", target: "torch", python: pythonIn(folder, host.platform), onGpu: false },
      ],
      notes: [],
    };
  },
};
