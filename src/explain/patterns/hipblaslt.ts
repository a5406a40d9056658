import { isRdna1 } from "../cards.ts";
import { type Pattern, sources } from "../pattern.ts";

export const hipblaslt: Pattern = {
  id: "hipblaslt-missing",
  role: "cause",
  title: "hipBLASLt has no kernels for this target",
  signs: [
    /rocblaslt error: Cannot read ?"?.{0,200}TensileLibrary_lazy_(?<gfx>gfx\w{3,5})\.dat/,
    /rocblaslt error: Could not load ?"?.{0,200}TensileLibrary_lazy_(?<gfx>gfx\w{3,5})\.dat/,
    /rocblaslt error: Cannot read/,
  ],
  cause:
    "Some operations (int8 products, fused bias, float8) go to hipBLASLt, which is built for " +
    "data-centre cards and a few others. Ordinary convolutions and products do not need it.",
  isNot: [
    "the library rocBLAS, whose messages look alike",
    "a broken installation, on cards that it is not built for",
  ],
  certainty: (seen) => {
    const target = seen.value("hipblaslt-missing", "gfx");
    if (seen.override || seen.disguise) return "possible";
    return isRdna1(target) ? "confirmed" : "likely";
  },
  steps: [
    {
      what: "Let PyTorch call hipBLAS instead.",
      command: "TORCH_BLAS_PREFER_HIPBLASLT=0 python your_program.py",
    },
    { what: "Leave int8 and float8 quantization off on this card." },
  ],
  sources: sources(
    "ROCm/TheRock#6175 2026",
    "ROCm/TheRock#1062 2025-07",
    "lemonade-sdk/llamacpp-rocm#10 2025-08",
    "ROCm/TheRock#7976 2026-09",
  ),
  explains: ["hipblas-status", "process-died"],
};

export const hipblasltWarning: Pattern = {
  id: "hipblaslt-unsupported",
  role: "harmless",
  title: "PyTorch uses hipBLAS because hipBLASLt does not know the card",
  signs: [/Attempting to use hipBLASLt on an? unsupported architecture/],
  cause:
    "PyTorch wanted hipBLASLt, saw that the card is not on its list, and took hipBLAS. " +
    "Results are the same.",
  isNot: ["the reason of a crash"],
  certainty: "confirmed",
  steps: [{ what: "Nothing. TORCH_BLAS_PREFER_HIPBLASLT=0 silences it." }],
  sources: sources("ROCm/hipBLASLt#1243 2024"),
};

export const hipblasStatus: Pattern = {
  id: "hipblas-status",
  role: "symptom",
  title: "hipBLAS or hipBLASLt refused an operation",
  signs: [/\bHIPBLAS_STATUS_(?<status>[A-Z_]{4,40})\b/],
  cause:
    "The matrix library does not offer what was asked for on this card, or its memory is full. " +
    "On RDNA1 int8 products (torch._int_mm) end like this, for want of hipBLASLt.",
  isNot: ["a wrong result: nothing was computed"],
  certainty: "possible",
  steps: [
    {
      what: "Let PyTorch call hipBLAS instead of hipBLASLt.",
      command: "TORCH_BLAS_PREFER_HIPBLASLT=0 python your_program.py",
    },
  ],
  sources: sources("ROCm/TheRock#6175 2026", "ROCm/TheRock#1062 2025-07"),
  explains: ["generic-hip-tail"],
};
