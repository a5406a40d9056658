import { sources } from "../../doctor/rules/sources.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Plan } from "../step.ts";
import { channelNames, channelSources, wheelsFor } from "./amd-channels.ts";
import {
  folderOf,
  GB,
  gfxOf,
  hasDeviceCode,
  installPackages,
  linuxOrWindows,
  makeEnvironment,
  mustBeNew,
  pythonIn,
} from "./common.ts";

async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { options, host } = situation;
  const gfx = gfxOf(situation);
  const folder = folderOf(situation, options.folder!);
  await mustBeNew(situation, folder);
  const wheels = wheelsFor(options.channel!, gfx, options.torch!);
  const python = pythonIn(folder, host.platform);
  return {
    steps: [
      makeEnvironment(situation, folder, options.python!, 16 * GB),
      ...installPackages(situation, folder, wheels.packages, options.index || wheels.index),
    ],
    verification: [
      { kind: "inspect", path: folder, target: gfx },
      { kind: "trial", target: "torch", python, onGpu: true },
    ],
    notes: [
      "ROCm comes inside the wheels: of the system only the kernel's driver is used.",
      ...wheels.notes,
    ],
  };
}

export const amdWheels: Remedy = {
  id: "amd-wheels",
  title: "AMD's own PyTorch wheels with code for the card",
  kind: "way",
  standsOn: "rocm",
  gives: "PyTorch for ROCm with device code for the card, in a Python environment of its own",
  serves: { train: "slowly", infer: "slowly", comfyui: "slowly", llm: "slowly" },
  fp16: "yes",
  certainty: "reported",
  evidence:
    "AMD publishes these wheels for gfx1010, gfx1011 and gfx1012 without testing them on such " +
    "cards; the owner of an RX 5600 XT reports that a nightly build works from end to end",
  sources: [
    sources.wheelWorks,
    sources.supportedGpus,
    sources.releases,
    sources.extraNeeded,
    sources.batchNormSource,
    sources.triton,
    sources.waves,
    sources.halfSlower,
    channelSources.brokenVersion,
    channelSources.perFamily,
  ],
  requires: [linuxOrWindows, hasDeviceCode],
  cost: () => ({
    minutes: [5, 60],
    downloadBytes: 4 * GB,
    diskBytes: 12 * GB,
    diskBytesMax: 16 * GB,
    root: false,
  }),
  changes: ["A new folder with a Python environment; nothing else."],
  risks: [
    "BatchNorm in training may fail in MIOpen (torch.backends.cudnn.enabled = False helps, or " +
      "rekindle fix rekindle-torch), and Triton's kernels may write nothing unless " +
      "AMDGCN_USE_BUFFER_OPS=0 is set.",
    "On Linux 6.12 and later, ROCm 7.15 to 10.0 (the channels next and nightly) may refuse every " +
      "launch with HSA_STATUS_ERROR_OUT_OF_RESOURCES: reported for an RX 5500, not for gfx1010.",
    "16-bit convolutions: nobody reports that they are right here; on ROCm 6.1 they were slower " +
      "than 32-bit ones.",
  ],
  options: [
    {
      name: "channel",
      meaning: "which of AMD's indexes; legacy is the older one, when the others fail",
      otherwise: "stable",
      values: channelNames,
    },
    { name: "folder", meaning: "where the environment is made", otherwise: "~/rekindle-torch" },
    { name: "python", meaning: "the Python to make it from", otherwise: "python3" },
    { name: "torch", meaning: "another version of torch, with what belongs to it", otherwise: "" },
    { name: "index", meaning: "another package index, in place of the channel's", otherwise: "" },
  ],
  plan,
};
