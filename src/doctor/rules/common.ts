import { all, any, both, type Condition, fact, firstKnown, not, variable } from "../condition.ts";
import type { TorchFacts } from "../facts.ts";
import type { Remedy } from "../rule.ts";
import { isBetween } from "../version.ts";

/*
 * Conditions and remedies that several rules share.
 */

export const onLinux = fact("os.platform", (platform) => platform === "linux");
export const onWindows = fact("os.platform", (platform) => platform === "win32");
export const inWsl = fact("wsl.inWsl", (is) => is);
export const inContainer = fact("container.inContainer", (is) => is);

export const isAmd = fact("card.vendorId", (vendor) => vendor === "1002");
export const isRdna1 = fact("card.gfx", (gfx) => /^gfx101[0-3]$/.test(gfx));
export const gfxIs = (...names: readonly string[]) =>
  fact("card.gfx", (gfx) => names.includes(gfx));

export const builtFor = (...builds: readonly NonNullable<TorchFacts["build"]>[]) =>
  fact("pytorch.build", (build) => builds.includes(build));
/** PyTorch for AMD's GPUs, whoever built it. */
export const isRocmTorch = not(builtFor("cpu", "cuda", "xpu"));
export const rocmOfTorch = (from: string, to?: string) =>
  fact("pytorch.rocmVersion", (version) => isBetween(version, from, to));

/**
 * Whether a PyTorch holds code for the card's own target: what the inspection of its files says, or
 * else its lists of targets. A target in either list is enough; without one both must be known.
 */
export const hasCode: Condition = firstKnown(
  both("pytorch.loads", "card.gfx", (loads, gfx) => {
    return answered(loads.find((load) => load.target === gfx)?.answer);
  }),
  any(
    both("pytorch.targets", "card.gfx", (targets, gfx) => targets.includes(gfx)),
    both("pytorch.kpackTargets", "card.gfx", (targets, gfx) => targets.includes(gfx)),
  ),
);

const answered = (answer: "yes" | "no" | "unknown" | undefined) =>
  answer === undefined || answer === "unknown" ? "unknown" : answer === "yes";

export const overrideName = "HSA_OVERRIDE_GFX_VERSION";

/** The target that an override names: "10.3.0" is gfx1030, "9.0.12" gfx90c; undefined for none. */
export function targetOf(override: string): string | undefined {
  const [, major, minor, stepping] = /^(\d+)\.(\d+)\.(\d+)$/.exec(override.trim()) ?? [];
  if (stepping === undefined) return undefined;
  return `gfx${major}${Number(minor).toString(16)}${Number(stepping).toString(16)}`;
}

/** Major and minor version of a target, which share instructions: "gfx1031" is "gfx103". */
const generationOf = (gfx: string) => gfx.slice(0, -1);

/** Whether the override is set and read on this system, with a test of its target and the card's. */
function overridden(test: (target: string | undefined, card: string) => boolean): Condition {
  return (view) =>
    all(not(onWindows), variable(overrideName, isSet), (seen) =>
      fact("card.gfx", (gfx) => test(targetOf(seen.facts.env?.[overrideName] ?? ""), gfx))(seen),
    )(view);
}

const isSet = (value: string | undefined) => value !== undefined && value !== "";

/** Code of another generation is made to run on the card. */
export const overrideIsForeign = overridden(
  (target, gfx) => target === undefined || generationOf(target) !== generationOf(gfx),
);
/** The override names what the card is anyway. */
export const overrideIsIdle = overridden((target, gfx) => target === gfx);
/** The override names a near relative of the card. */
export const overrideIsRelative = overridden(
  (target, gfx) =>
    target !== undefined && target !== gfx && generationOf(target) === generationOf(gfx),
);

/** gfx1011 and gfx1012 run code for gfx1010, which lacks their further instructions. */
export const runsAsGfx1010 = all(
  gfxIs("gfx1011", "gfx1012"),
  overrideIsRelative,
  variable(overrideName, (value) => targetOf(value ?? "") === "gfx1010"),
  any(
    fact("pytorch.targets", (targets) => targets.includes("gfx1010")),
    fact("pytorch.kpackTargets", (targets) => targets.includes("gfx1010")),
  ),
);

/** A near relative's code that users report to run: RDNA2 as gfx1030, RDNA3 as gfx1100. */
export const runsAsRelative: Condition = all(
  overrideIsRelative,
  fact("card.gfx", (gfx) => /^gfx(103|110)/.test(gfx)),
  variable(overrideName, (value) => /^gfx(1030|1100)$/.test(targetOf(value ?? "") ?? "")),
);

/** PyTorch up to 1.13.1 on ROCm up to 5.2, the last that ran with the override 10.3.0 on RDNA1. */
export const isLegacyTorch = all(
  fact("pytorch.version", (version) => isBetween(version, "0", "1.14")),
  rocmOfTorch("0", "5.3"),
);
export const runsAsLegacy = all(
  isRdna1,
  isLegacyTorch,
  not(onWindows),
  variable(overrideName, (value) => targetOf(value ?? "") === "gfx1030"),
);

/** Whether PyTorch runs on the card through an override that is known to work for it. */
export const runsByOverride = any(runsAsGfx1010, runsAsRelative, runsAsLegacy);
/** A ROCm build that has, or borrows, code for the card. */
export const canLaunch = all(isRocmTorch, any(hasCode, runsByOverride));

const index = "https://repo.amd.com/rocm/whl-multi-arch/";

/** AMD's wheels with device code for the card: Linux and Windows, gfx1010 to gfx1012. */
export const installAmdWheel: Remedy = {
  when: gfxIs("gfx1010", "gfx1011", "gfx1012"),
  does: "install AMD's PyTorch with code for {card.gfx}, in an environment of its own",
  commands: [
    "python3 -m venv ~/rekindle-torch",
    `~/rekindle-torch/bin/pip install --index-url ${index} "torch[device-{card.gfx}]==2.11.0+rocm7.14.0" "torchvision[device-{card.gfx}]==0.26.0+rocm7.14.0"`,
  ],
};

/** Networks in ONNX form run through Vulkan, without ROCm. */
export const useEngine: Remedy = {
  does: "run networks without ROCm, through Vulkan, exported to ONNX",
  commands: ["rekindle devices", "rekindle run MODEL.onnx --image PICTURE"],
};

/** Convolutions and normalizations bypass MIOpen: PyTorch's own kernels compute them. */
export const bypassMiopen: Remedy = {
  does: "let PyTorch's own kernels compute them: slower than a tuned MIOpen, but no MIOpen",
  commands: ['python3 -c "import torch; torch.backends.cudnn.enabled = False"  # in your program'],
};

export const showTorch =
  'rekindle inspect {pytorch.path|"PATH/TO/torch"} --for {card.gfx|"gfx1010"}';
export const showCard = "lspci -nn -d 1002:";
