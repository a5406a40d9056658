import { isRdna1 } from "./cards.ts";
import type { Step } from "./pattern.ts";
import type { Seen } from "./seen.ts";

/*
 * Things to do that several patterns share. None of them patches a driver or claims a false card:
 * HSA_OVERRIDE_GFX_VERSION is only ever taken away.
 */

const multiArch = "https://rocm.nightlies.amd.com/whl-multi-arch/";

/** A build of PyTorch that has code for the card. */
export function rightTorch({ target }: Seen): Step[] {
  if (target === undefined) {
    return [
      { what: "Find out the card's target.", command: "rekindle doctor" },
      {
        what: "Then install AMD's build with its device code; for an RX 5600 or 5700:",
        command: amdTorch("gfx1010"),
      },
      whichTargets(target),
      withoutRocm,
    ];
  }
  if (!isRdna1(target)) {
    return [
      {
        what:
          `Install a build of PyTorch that holds code for ${target}; AMD's multi-arch index has ` +
          "one package of device code per target.",
        command: `pip index versions --index-url ${multiArch} amd-torch-device-${target}`,
      },
      whichTargets(target),
    ];
  }
  return [
    {
      what:
        `Install AMD's own build with the device code of ${target} (an RX 5600 XT owner reports ` +
        "that it works; AMD publishes it and does not test it on cards).",
      command: amdTorch(target),
    },
    whichTargets(target),
    withoutRocm,
  ];
}

const amdTorch = (target: string) =>
  `pip install --index-url ${multiArch} "torch[device-${target}]" ` +
  `"torchvision[device-${target}]" torchaudio`;

/** What the installed files hold. */
export function whichTargets(target: string | undefined): Step {
  const forTarget = target ? ` --for ${target}` : "";
  return {
    what: "See which targets the installed files hold.",
    command:
      `rekindle inspect "$(python -c 'import importlib.util as u; ` +
      `print(u.find_spec("torch").submodule_search_locations[0])')"${forTarget}`,
  };
}

/** No ROCm at all: this engine. */
export const withoutRocm: Step = {
  what: "Or run the network without ROCm, through Vulkan: export it to ONNX first.",
  command: "rekindle run model.onnx --random",
};

export const dropOverride: Step = {
  what: "Take the override away, here and in every profile that sets it.",
  command:
    "unset HSA_OVERRIDE_GFX_VERSION; grep -n HSA_OVERRIDE ~/.profile ~/.bashrc ~/.zshrc " +
    "~/.config/environment.d/*.conf /etc/environment",
};

/** What to do about an override: nothing where none is known to be set. */
export function overrideSteps(seen: Seen): Step[] {
  if (seen.override || seen.disguise) return [dropOverride];
  if (seen.facts?.env) return [];
  return [{ what: "Is an override set?", command: "env | grep HSA_OVERRIDE" }];
}

/** PyTorch without MIOpen: its own convolution and batch normalization. */
export const leaveMiopen: Step = {
  what:
    "Let PyTorch use its own convolution and batch normalization in place of MIOpen's (slower, " +
    "nothing to install): put this line before the model runs.",
  code: "torch.backends.cudnn.enabled = False",
};

export const machineState: Step = {
  what: "Look at the machine as a whole: card, targets, override, kernel.",
  command: "rekindle doctor",
};

export const kernelLog: Step = {
  what: "The kernel's messages of the time of the failure",
  command: "sudo dmesg -T | grep -iE 'amdgpu|kfd|drm' | tail -n 60",
};

export const hipLog: Step = {
  what: "What HIP does up to the failure (long: keep the last 200 lines)",
  command: "AMD_LOG_LEVEL=3 python your_program.py 2>&1 | tail -n 200",
};

export const hipOneByOne: Step = {
  what: "One kernel after the other, so that the traceback names the operation that failed",
  command: "AMD_SERIALIZE_KERNEL=3 AMD_LOG_LEVEL=3 python your_program.py 2>&1 | tail -n 200",
};

export const miopenLog: Step = {
  what: "Which convolution, and which of MIOpen's solvers",
  command:
    "MIOPEN_ENABLE_LOGGING_CMD=1 MIOPEN_LOG_LEVEL=6 python your_program.py 2>&1 | tail -n 300",
};
