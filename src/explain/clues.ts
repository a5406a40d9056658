import { targetOfCard } from "./cards.ts";

/** What lines tell beside messages: which card, which build, which settings. */
export interface Clues {
  /** Targets of the cards that are named. */
  readonly cards: Set<string>;
  /** Targets that software speaks of. */
  readonly software: Set<string>;
  /** Values of HSA_OVERRIDE_GFX_VERSION in commands and listings of the environment. */
  readonly overridesSet: Set<string>;
  /** The same in any other line. */
  readonly overridesMentioned: Set<string>;
  kernel: string | undefined;
  torchBuild: string | undefined;
  /** How many lines gave each clue. */
  readonly flags: Record<(typeof flagNames)[number], number>;
}

const flagNames = [
  "nvidia",
  "rocm",
  "windows",
  "wsl",
  "container",
  "zluda",
  "directml",
  "miopen",
  "convolutionsOff",
  "overrideTakenBack",
  "discreteCard",
  "failure",
  "crash",
] as const;

/** Expressions as one, where one would be too long to read. */
function oneOf(...signs: readonly RegExp[]): RegExp {
  return new RegExp(signs.map((sign) => sign.source).join("|"));
}

const flagSigns: Readonly<Record<(typeof flagNames)[number], RegExp>> = {
  nvidia:
    /GeForce|\b(?:RTX|GTX|Tesla) ?[A-Z]?\d{2,4}|NVRM:|NVIDIA-SMI|\bsm_\d{2,3}\b|\+cu\d{2,3}\b/,
  rocm: /\bHIP\b|\bhip[A-Z]\w|\bHSA_|rocm|\bgfx\d{3}|amdgpu|AMD_SERIALIZE_KERNEL/i,
  windows: /\b[A-Z]:[\\/]{1,2}\w|\bWindows ?1[01]\b|\bwin32\b|WinError/,
  wsl: /microsoft-standard|\bWSL ?2?\b|WSL environment|\/dev\/dxg/,
  container: /\bdocker\b|\bpodman\b|\/dockerx?\/|singularity|apptainer|distrobox/i,
  zluda: /zluda/i,
  directml: /directml|privateuseone|DmlExecutionProvider|DmlCommandRecorder|DmlGraphFusion/i,
  miopen: /MIOpen|miopen|conv2d|Conv2d|convolution/,
  convolutionsOff:
    /MIOPEN_DEBUG_CONV_(?:DIRECT|GEMM|WINOGRAD|IMPLICIT_GEMM|FFT)["'\]]{0,2} ?= ?["']?0/,
  overrideTakenBack: /\b(?:unset|without|no longer set|removed?) (?:the )?HSA_OVERRIDE_GFX/i,
  discreteCard: /\bRX ?\d{3,4}|\bRadeon Pro\b|\bInstinct\b|\bRadeon VII\b|GeForce|\bRTX ?\d{4}/,
  failure: oneOf(
    /Traceback \(most recent/,
    /\b(?:[Ee]rror|ERROR|FATAL|Exception)(?::|\])|: error\b/,
    /\w(?:Error|Exception)\b(?!\()/,
    /core dumped|\*ERROR\*|Aborted|SIG(?:SEGV|ABRT|BUS|ILL)|panicked at/,
  ),
  crash: /core dumped|SIG(?:SEGV|ABRT|BUS|ILL)|Segmentation fault/,
};

/** Where programs print the target that they take the card for. */
const softwareSigns: readonly RegExp[] = [
  /Raw device name: (?<gfx>gfx(?:1[0-3]|[7-9])\d[\da-f])/,
  /\b(?<gfx>gfx(?:1[0-3]|[7-9])\d[\da-f])_?[\da-f]{1,3}\.(?:HIP\.)?[\w.]{0,40}k?u?f?db\b/,
  /GPU arch ?: (?<gfx>gfx(?:1[0-3]|[7-9])\d[\da-f])/,
  /ISA: amdgcn-amd-amdhsa--(?<gfx>gfx(?:1[0-3]|[7-9])\d[\da-f])/,
  /\bfor device (?<gfx>gfx(?:1[0-3]|[7-9])\d[\da-f])/,
  /^\s{0,12}Name: {1,40}(?<gfx>gfx(?:1[0-3]|[7-9])\d[\da-f])\b/,
  /AMDGPU ISA: (?<gfx>gfx(?:1[0-3]|[7-9])\d[\da-f])/,
  /gcnArchName\W{1,4}(?<gfx>gfx(?:1[0-3]|[7-9])\d[\da-f])/,
  /Device \d{1,2}: [^,]{1,60}, (?<gfx>gfx(?:1[0-3]|[7-9])\d[\da-f])/,
];

const overrideSign =
  /HSA_OVERRIDE_GFX_VERSION["'\]]{0,2}\s{0,2}[=:,]\s{0,2}["']?(?<value>\d{1,2}\.\d\.\d{1,2})/;
/** A command, a line of a service or container file, or a listing of the environment. */
const isCommand = oneOf(
  /^\s{0,12}(?:[$#%] ?|\S{1,60}[$#>❯] ?)?(?:\w{2,9} |-e |- )?["']?HSA_OVERRIDE_GFX_VERSION/,
  /^\s{0,12}(?:[$#%] ?|\S{1,60}[$#>❯] ?)?(?:[A-Z_]{2,40}=\S{1,80} ){1,5}HSA_OVERRIDE_GFX_VERSION/,
  /^\s{0,12}(?:ENV|Environment=|sudo|env) ?.{0,80}HSA_OVERRIDE_GFX_VERSION/,
  /os\.environ|putenv|-e HSA_OVERRIDE/,
);
const kernelSign = oneOf(
  /\bLinux(?: version)? (?<a>\d\.\d{1,3}(?:\.\d{1,3})?)/,
  /\bKernel(?: [Vv]ersion)?\W{1,5}(?<b>\d\.\d{1,3}\.\d{1,3})/,
  /(?<![\d.])(?<c>[4-9]\.\d{1,3}\.\d{1,3})(?:\.\d{1,3})?-\S{0,40}(?:generic|amd64|arch|zen)/,
  /(?<![\d.])(?<d>[4-9]\.\d{1,3}\.\d{1,3})(?:\.\d{1,3})?-\S{0,40}(?:lts|oem|fc\d|microsoft)/,
);
const torchSign = /\b\d\.\d{1,2}\.\d[\w.]{0,24}\+(?<build>rocm[\w.]{1,24}|cu\d{2,3}|cpu|xpu)\b/;

/** A line that gives any clue holds one of these. */
export const clueWords: readonly string[] = [
  ...["gfx", "RX", "Radeon", "Instinct", "Navi", "NAVI", "Pro V520", "500 XT", "500XT"],
  ...["600 XT", "600XT", "700 XT", "700XT", "1002:", " ID", " MI2", " MI5", " MI6"],
  ...["GeForce", "RTX", "GTX", "Tesla", "NVRM", "NVIDIA", "sm_", "+cu", "+rocm", "+cpu", "+xpu"],
  ...["HIP", "hip", "HSA_", "rocm", "ROCm", "ROCM", "Rocm", "amdgpu", "AMD_SERIALIZE"],
  ...["MIOPEN_", "MIOpen", "miopen", "onv2d", "convolution"],
  ...[":\\", ":/", "Windows", "win32", "WinError", "WSL", "microsoft-standard", "/dev/dxg"],
  ...["docker", "podman", "singularity", "apptainer", "distrobox", "Docker"],
  ...["luda", "LUDA", "irectml", "irectML", "irectMl", "privateuseone", "Dml", "DIRECTML"],
  ...["Traceback", "rror", "ERROR", "FATAL", "xception", "core dumped", "Aborted", "SIG"],
  ...["panicked", "Segmentation", "Linux", "Kernel", "kernel", "-generic", "-amd64", "-arch"],
  ...["-zen", "-lts", "-oem", ".fc", ".el", "Device "],
];

export function noClues(): Clues {
  return {
    cards: new Set(),
    software: new Set(),
    overridesSet: new Set(),
    overridesMentioned: new Set(),
    kernel: undefined,
    torchBuild: undefined,
    flags: Object.fromEntries(flagNames.map((name) => [name, 0])) as Clues["flags"],
  };
}

/** Adds what one line tells. */
export function gather(clues: Clues, line: string): void {
  for (const name of flagNames) if (flagSigns[name].test(line)) clues.flags[name]++;
  const card = targetOfCard(line);
  if (card) clues.cards.add(card);
  if (line.includes("gfx")) {
    for (const sign of softwareSigns) {
      const gfx = sign.exec(line)?.groups?.gfx;
      if (gfx) clues.software.add(gfx);
    }
  }
  const override = overrideSign.exec(line)?.groups?.value;
  if (override) {
    (isCommand.test(line) ? clues.overridesSet : clues.overridesMentioned).add(override);
  }
  const kernel = kernelSign.exec(line)?.groups;
  clues.kernel ??= kernel?.a ?? kernel?.b ?? kernel?.c ?? kernel?.d;
  clues.torchBuild ??= torchSign.exec(line)?.groups?.build;
}
