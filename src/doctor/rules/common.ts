import {
  all,
  any,
  both,
  type Condition,
  fact,
  firstKnown,
  forSome,
  not,
  variable,
  variableWith,
} from "../condition.ts";
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
/** The machine has one, whichever it is. */
export const hasAmd = forSome("card", isAmd);
/** An integrated GPU with a card beside it: nobody means that one. */
const isBesideCard = all(
  fact("card.kind", (kind) => kind === "integrated"),
  fact("gpus", (gpus) => {
    const others = gpus.filter((gpu) => (gpu.vendorId ?? "1002") === "1002");
    if (others.some((gpu) => gpu.vendorId && gpu.kind === "discrete")) return true;
    const isOpen = others.some((gpu) => !gpu.vendorId || !gpu.kind);
    return isOpen ? "unknown" : false;
  }),
);
/** The GPU that is meant to compute. */
export const isMain = all(isAmd, not(isBesideCard));
export const isRdna1 = all(
  isMain,
  fact("card.gfx", (gfx) => /^gfx101[0-3]$/.test(gfx)),
);
export const gfxIs = (...names: readonly string[]) =>
  all(
    isMain,
    fact("card.gfx", (gfx) => names.includes(gfx)),
  );

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
export function targetOf(override = ""): string | undefined {
  const [, major, minor, stepping] = /^(\d+)\.(\d+)\.(\d+)$/.exec(override.trim()) ?? [];
  if (stepping === undefined) return undefined;
  return `gfx${major}${Number(minor).toString(16)}${Number(stepping).toString(16)}`;
}

/** Major and minor version of a target, which share instructions: "gfx1031" is "gfx103". */
export const isSameGeneration = (target: string | undefined, gfx: string) =>
  target?.slice(0, -1) === gfx.slice(0, -1);

/** Whether the override is set and read on this system, and its target and the card's pass. */
function overridden(test: (target: string | undefined, card: string) => boolean): Condition {
  return all(
    not(onWindows),
    variableWith(overrideName, "card.gfx", (value, gfx) => !!value && test(targetOf(value), gfx)),
  );
}

/** Code of another generation is made to run on the card. */
export const overrideIsForeign = overridden((target, gfx) => !isSameGeneration(target, gfx));
/** The override names what the card is anyway. */
export const overrideIsIdle = overridden((target, gfx) => target === gfx);
/** The override names a near relative of the card. */
const overrideIsRelative = overridden(
  (target, gfx) => target !== gfx && isSameGeneration(target, gfx),
);

/** PyTorch holds code for the target that the override names. */
const hasNamedCode = any(
  variableWith(overrideName, "pytorch.targets", (value, targets) =>
    targets.includes(targetOf(value) ?? ""),
  ),
  variableWith(overrideName, "pytorch.kpackTargets", (value, targets) =>
    targets.includes(targetOf(value) ?? ""),
  ),
);

/** gfx1011 and gfx1012 run code for gfx1010, which lacks their further instructions. */
export const runsAsGfx1010 = all(
  gfxIs("gfx1011", "gfx1012"),
  overrideIsRelative,
  variable(overrideName, (value) => targetOf(value) === "gfx1010"),
  hasNamedCode,
);

/** A near relative's code that users report to run: RDNA2 as gfx1030, RDNA3 as gfx1100. */
export const runsAsRelative = all(
  fact("card.gfx", (gfx) => /^gfx(103|110)/.test(gfx)),
  overrideIsRelative,
  variable(overrideName, (value) => /^gfx(1030|1100)$/.test(targetOf(value) ?? "")),
  hasNamedCode,
);

/** PyTorch up to 1.13.1 on ROCm up to 5.2, the last that ran with the override 10.3.0 on RDNA1. */
const isLegacyTorch = all(
  fact("pytorch.version", (version) => isBetween(version, "0", "1.14")),
  rocmOfTorch("0", "5.3"),
);
export const runsAsLegacy = all(
  isRdna1,
  isLegacyTorch,
  not(onWindows),
  variable(overrideName, (value) => targetOf(value) === "gfx1030"),
);

/** Whether PyTorch runs on the card through an override that is known to work for it. */
export const runsByOverride = any(runsAsGfx1010, runsAsRelative, runsAsLegacy);
/** A ROCm build that has, or borrows, code for the card. */
export const canLaunch = all(isRocmTorch, any(hasCode, runsByOverride));

const index = "https://repo.amd.com/rocm/whl-multi-arch/";

const wheels =
  `--index-url ${index} "torch[device-{card.gfx}]==2.11.0+rocm7.14.0" ` +
  '"torchvision[device-{card.gfx}]==0.26.0+rocm7.14.0"';
const hasWheel = gfxIs("gfx1010", "gfx1011", "gfx1012");

/** AMD's wheels with device code for the card: Linux and Windows, gfx1010 to gfx1012. */
const installOnLinux: Remedy = {
  when: all(hasWheel, not(onWindows)),
  does: "install AMD's PyTorch with code for {card.gfx}, in an environment of its own",
  commands: ["python3 -m venv ~/rekindle-torch", `~/rekindle-torch/bin/pip install ${wheels}`],
};

const installOnWindows: Remedy = {
  when: all(hasWheel, onWindows),
  does: "install AMD's PyTorch with code for {card.gfx}, in an environment of its own",
  commands: ["py -m venv rekindle-torch", `rekindle-torch\\Scripts\\pip install ${wheels}`],
};

export const installAmdWheel = [installOnLinux, installOnWindows];

/** Networks in ONNX form run through Vulkan, without ROCm. */
export const useEngine: Remedy = {
  isWayRound: true,
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
