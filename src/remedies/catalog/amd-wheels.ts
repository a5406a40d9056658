import { sources } from "../../doctor/rules/sources.ts";
import { RekindleError } from "../../errors.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Plan } from "../step.ts";
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

interface Channel {
  readonly index: string;
  /** Of torch and torchvision; the nightly channel has the newest alone. */
  readonly versions?: readonly [string, string];
}

const channels: Readonly<Record<string, Channel>> = {
  stable: {
    index: "https://repo.amd.com/rocm/whl-multi-arch/",
    versions: ["2.11.0+rocm7.14.0", "0.26.0+rocm7.14.0"],
  },
  next: {
    index: "https://stable.repo.amd.com/rocm/whl-next/",
    versions: ["2.13.0+rocm10.0.0", "0.28.0+rocm10.0.0"],
  },
  nightly: { index: "https://rocm.nightlies.amd.com/whl-multi-arch/" },
};

async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { options, host } = situation;
  const gfx = gfxOf(situation);
  const folder = folderOf(situation, options.folder!);
  await mustBeNew(situation, folder);
  const channel = channels[options.channel!]!;
  const [torch, vision] = versionsFor(channel, options.torch!);
  const python = pythonIn(folder, host.platform);
  return {
    steps: [
      makeEnvironment(situation, folder, options.python!, 16 * GB),
      ...installPackages(
        situation,
        folder,
        [`torch[device-${gfx}]${torch}`, `torchvision[device-${gfx}]${vision}`],
        options.index || channel.index,
      ),
    ],
    verification: [
      { kind: "inspect", path: folder, target: gfx },
      { kind: "trial", target: "torch", python, onGpu: true },
    ],
    notes: ["ROCm comes inside the wheels: of the system only the kernel's driver is used."],
  };
}

/** Version specifiers for pip, of torch and torchvision. */
function versionsFor(channel: Channel, torch: string): readonly [string, string] {
  if (/rocm7\.14\.1\b/.test(torch)) {
    throw new RekindleError("usage", "builds for rocm7.14.1 are reported not to work", {
      fix: "take another version (ROCm/TheRock#7992)",
    });
  }
  if (torch !== "") return [`==${torch}`, ""];
  return channel.versions ? [`==${channel.versions[0]}`, `==${channel.versions[1]}`] : ["", ""];
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
    "cards; the owner of an RX 5600 XT reports that they work",
  sources: [sources.wheelWorks, sources.supportedGpus, sources.releases, sources.extraNeeded],
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
    "Training with BatchNorm may fail in MIOpen: torch.backends.cudnn.enabled = False helps.",
    "Triton's kernels may write nothing unless AMDGCN_USE_BUFFER_OPS=0 is set.",
    "16-bit convolutions are slower than 32-bit ones.",
  ],
  options: [
    {
      name: "channel",
      meaning: "which of AMD's indexes",
      otherwise: "stable",
      values: Object.keys(channels),
    },
    { name: "folder", meaning: "where the environment is made", otherwise: "~/rekindle-torch" },
    { name: "python", meaning: "the Python to make it from", otherwise: "python3" },
    { name: "torch", meaning: "another version of torch", otherwise: "" },
    { name: "index", meaning: "another package index, in place of the channel's", otherwise: "" },
  ],
  plan,
};
