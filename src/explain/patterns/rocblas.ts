import { isIntegrated, isRdna1 } from "../cards.ts";
import { type Certainty, type Pattern, sources } from "../pattern.ts";
import type { Seen } from "../seen.ts";
import { rightTorch, withoutRocm } from "../steps.ts";

const id = "rocblas-without-target";
const wanted = (seen: Seen) => seen.value(id, "gfx");

function judge(seen: Seen): Certainty | undefined {
  const target = wanted(seen);
  if (target && isIntegrated(target) && seen.clue("discreteCard")) return "possible";
  const installed = seen.torch?.rocblasTargets;
  if (target && installed) return installed.includes(target) ? "possible" : "confirmed";
  const listed = seen.values(id, "listed");
  // The library that is said to be missing stands in the list: damaged, or of another version.
  if (target && listed.includes(target)) return "possible";
  if (seen.override || seen.disguise) return "possible";
  return target ? "confirmed" : "likely";
}

export const rocblas: Pattern = {
  id,
  role: "cause",
  title: "rocBLAS has no kernels for this target",
  signs: [
    /TensileLibrary\.dat: .{1,40}for GPU arch ?: (?<gfx>gfx\w{3,5})/,
    /rocBLAS error: Cannot read (?<file>.{0,300})TensileLibrary\.dat/,
    /(?:^|[/"\\])TensileLibrary_lazy_(?<listed>gfx\w{3,5})\.dat"?\s?$/,
  ],
  cause: (seen) => {
    const target = wanted(seen) ?? seen.target ?? "this card";
    const listed = seen.values(id, "listed");
    const has = listed.length > 0 ? ` It has them for ${listed.slice(0, 12).join(", ")}.` : "";
    return (
      "rocBLAS multiplies matrices with kernels that it reads from files, one set per target, " +
      `and finds none for ${target}.${has}`
    );
  },
  isNot: [
    "a missing TensileLibrary.dat that one could copy from elsewhere: the name is only the " +
      "last that was tried",
  ],
  certainty: (seen) => (isTold(seen) ? judge(seen) : undefined),
  steps: (seen) => {
    const target = wanted(seen) ?? seen.target;
    if (seen.clue("windows")) return windowsSteps(target);
    return [
      {
        what: "See which targets are there, in ROCm and in PyTorch.",
        command:
          "ls /opt/rocm*/lib/rocblas/library/ | grep -oE 'gfx[0-9a-f]+' | sort | uniq -c; " +
          "find . -path '*torch/lib/rocblas/library*' -name '*.dat' | grep -oE " +
          "'gfx[0-9a-f]+' | sort -u",
      },
      ...rightTorch(seen),
    ];
  },
  sources: sources(
    "ROCm/ROCm#2719 2023-12",
    "ROCm/rocBLAS#1339 2023-09",
    "ROCm/AMDMIGraphX#3517 2024-10",
    "ROCm/Tensile#1862 2024-03",
    "githubcto/FramePack-ZLUDA#4 2025-05",
  ),
  explains: ["tensile-host", "process-died", "generic-hip-tail"],
};

/** A name in a listing alone is no complaint. */
const isTold = (seen: Seen) => wanted(seen) !== undefined || seen.value(id, "file") !== undefined;

function windowsSteps(target: string | undefined) {
  const device = isRdna1(target) ? `device-${target}` : "device-gfxNNNN";
  return [
    {
      what:
        "HIP SDK and ZLUDA bring no kernels for this card. AMD's wheels for Windows do; they " +
        "need neither.",
      command:
        "pip install --index-url https://rocm.nightlies.amd.com/whl-multi-arch/ " +
        `"torch[${device}]"`,
    },
    { ...withoutRocm, what: "Or run the network through Direct3D 12, without ROCm." },
  ];
}

export const tensileHost: Pattern = {
  id: "tensile-host",
  role: "symptom",
  title: "rocBLAS could not start its kernel library",
  signs: [
    /Could not initialize Tensile (?:host|library)/,
    /rocBLAS error: Could not load .{0,300}TensileLibrary/,
  ],
  cause:
    "rocBLAS could not read its kernel files: none for this card's target as a rule, " +
    "sometimes a folder that is missing or of another version.",
  isNot: ["a problem with regular expressions, though Windows prints regex_error after it"],
  certainty: "possible",
  steps: rightTorch,
  sources: sources("CS1o/Stable-Diffusion-Info#6 2024-10", "githubcto/FramePack-ZLUDA#4 2025-05"),
  explains: ["process-died"],
};

export const integratedChosen: Pattern = {
  id: "integrated-gpu-chosen",
  role: "cause",
  title: "The GPU inside the processor was taken, not the card",
  signs: [
    /for GPU arch ?: (?<gfx>gfx(?:902|909|90c|1035|1036|1037|1103))\b/,
    /Device 0: [^,]{1,60}, (?<gfx>gfx(?:902|909|90c|1036))\b/,
  ],
  cause: (seen) =>
    `The message is about ${seen.value("integrated-gpu-chosen", "gfx")}, which is graphics ` +
    "inside a processor. ROCm lists it first on some machines, and programs take the first.",
  isNot: ["lack of code for the card: it was not even asked"],
  certainty: (seen) => {
    const kinds = seen.facts?.gpus?.filter((gpu) => gpu.vendorId === "1002").map((g) => g.kind);
    if (kinds) return kinds.includes("discrete") ? "confirmed" : undefined;
    // Graphics of desktop processors is seldom meant; larger ones are used on purpose as well.
    const isSmall = /^gfx(?:902|909|90c|1036)$/.test(seen.value("integrated-gpu-chosen", "gfx")!);
    return isSmall && seen.clue("discreteCard") ? "likely" : "possible";
  },
  steps: [
    {
      what: "Show only the card (its number is 1 where the processor's graphics is 0).",
      command: "HIP_VISIBLE_DEVICES=1 python your_program.py",
    },
    { what: "Or switch the processor's graphics off in the firmware setup (BIOS)." },
  ],
  sources: sources(
    "CS1o/Stable-Diffusion-Info#6 2024-10",
    "LostRuins/koboldcpp#676 2024-02",
    "ROCm/ROCm#1306 2020-12",
  ),
  explains: ["rocblas-without-target", "tensile-host"],
};
