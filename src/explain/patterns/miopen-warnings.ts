import { isRdna1 } from "../cards.ts";
import { type Pattern, sources } from "../pattern.ts";

export const database: Pattern = {
  id: "miopen-database-missing",
  role: "harmless",
  title: "MIOpen has no tuned database for this card",
  signs: [
    /(?:Missing|Unable to read) system database file: ?\S{0,300}\.k?db/,
    /\[SQLiteBase\] (?:Missing|Unable to read) system database/,
    /\[ParseAndLoadDb\] File is unreadable: .{0,300}fdb\.txt/,
  ],
  cause: (seen) =>
    "MIOpen ships tuned settings and compiled kernels for some cards. For others it searches " +
    "and compiles at the first use of each shape, and keeps the result in ~/.cache/miopen: " +
    "the first run is slow, later ones are " +
    `not.${isRdna1(seen.target) ? " None exists for RDNA1." : ""}`,
  isNot: ["the reason of a crash", "a file to install: there is none for most consumer cards"],
  certainty: "confirmed",
  steps: [{ what: "Nothing. Run it again: the second run uses what the first one compiled." }],
  sources: sources(
    "ROCm/MIOpen#1995 2023-02",
    "ROCm/MIOpen#2123 2023-05",
    "ROCm/MIOpen#1606 2022-07",
    "ROCm/MIOpen#1254 2021-10",
  ),
};

export const groupedConvolutions: Pattern = {
  id: "miopen-ck-missing",
  role: "harmless",
  title: "MIOpen runs without Composable Kernel on this card",
  signs: [
    /CK grouped conv library not found for device (?<gfx>gfx\w{3,5})/,
    /libMIOpenCKGroupedConv_(?<gfx>gfx\w{3,5})\.so: cannot open shared object file/,
  ],
  cause: (seen) =>
    "One family of convolution kernels (Composable Kernel) is built for some targets " +
    `only${isRdna1(seen.target) ? ", and not for RDNA1" : ""}. MIOpen takes its other ` +
    "solvers, which may be much slower.",
  isNot: [
    "the reason of a crash",
    "a file that a package would bring, on targets that it is not built for",
  ],
  certainty: "confirmed",
  steps: [
    {
      what: "Nothing to repair. Where convolutions are slow, compare with this engine.",
      command: "rekindle run model.onnx --random --repeat 20",
    },
  ],
  sources: sources(
    "ROCm/TheRock#7409 2026-08",
    "ROCm/TheRock#5105 2026-05",
    "ROCm/rocm-libraries#5720 2026-03",
  ),
};

export const search: Pattern = {
  id: "miopen-searching",
  role: "harmless",
  title: "MIOpen is searching for the fastest kernels; it does not hang",
  signs: [
    /Searching the best solution/,
    /MIOpen.{0,80}[Pp]lease, be patient/,
    /\[GenericSearch\] (?:##|#\d|Done:|Finding)/,
  ],
  cause:
    "For each new shape MIOpen times many kernels. It is asked to by " +
    "torch.backends.cudnn.benchmark = True or by MIOPEN_FIND_ENFORCE, and takes minutes on " +
    "cards without a database.",
  isNot: ["a hang, though nothing else is printed for minutes"],
  certainty: "confirmed",
  steps: [
    { what: "Wait for the first run to end: results are kept." },
    {
      what: "Or search less, and leave torch.backends.cudnn.benchmark at False.",
      command: "MIOPEN_FIND_MODE=FAST python your_program.py",
    },
  ],
  sources: sources(
    "unslothai/unsloth#11636 2026",
    "ROCm/MIOpen#427 2020",
    "pytorch/pytorch#77438 2022-05",
  ),
};

export const workspace: Pattern = {
  id: "miopen-workspace",
  role: "harmless",
  title: "MIOpen passes over a solver for want of workspace",
  signs: [/\[IsEnoughWorkspace\]/, /Warning: skipping solver <\w{1,60}> due to no workspace/],
  cause:
    "MIOpen asks each solver whether the memory that PyTorch offers is enough, and says " +
    "where it is not. Another solver does the work.",
  isNot: ["out of memory", "the reason of a crash"],
  certainty: "confirmed",
  steps: [
    {
      what: "Nothing. To silence it:",
      command: "MIOPEN_LOG_LEVEL=3 python your_program.py",
    },
  ],
  sources: sources(
    "ROCm/rocm-libraries#4100 2026-01",
    "patientx/ComfyUI-Zluda#125 2025-05",
    "ROCm/MIOpen#2981 2024-05",
    "erew123/alltalk_tts#397 2024-11",
  ),
};

export const elapsedTime: Pattern = {
  id: "miopen-elapsed-time",
  role: "harmless",
  title: "MIOpen measured a time that cannot be",
  signs: [/Invalid elapsed time detected in EvaluateInvokers/],
  cause:
    "While comparing kernels MIOpen read a time of zero or less from the GPU. The choice of " +
    "kernel may be a poor one; results are not touched.",
  isNot: ["a wrong result of the network"],
  certainty: "likely",
  steps: [
    {
      what: "Nothing, unless convolutions are slow.",
      command: "MIOPEN_FIND_MODE=FAST python your_program.py",
    },
  ],
  sources: sources("ROCm/rocm-libraries#11735 2026-10", "ROCm/MIOpen#3964 2025"),
};
