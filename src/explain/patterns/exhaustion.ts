import { type Certainty, type Pattern, sources } from "../pattern.ts";
import type { Seen } from "../seen.ts";

const units: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** "2.25 GiB" in bytes; undefined where nothing was caught. */
function bytesOf(text: string | undefined): number | undefined {
  const match = /^([\d.]{1,12}) ([KMG]iB)$/.exec(text ?? "");
  return match ? Number(match[1]) * units[match[2]!]! : undefined;
}

const id = "out-of-memory";

/** More than twice what was asked for is said to be free: then memory is not what lacks. */
const saysFree = (seen: Seen) => {
  const wanted = bytesOf(seen.value(id, "wanted"));
  const free = bytesOf(seen.value(id, "free"));
  return wanted !== undefined && free !== undefined && free > 2 * wanted;
};

function judge(seen: Seen): Certainty {
  if (saysFree(seen)) return "possible";
  return seen.value(id, "wanted") === undefined ? "likely" : "confirmed";
}

export const outOfMemory: Pattern = {
  id,
  role: "cause",
  title: "The card's memory is full",
  signs: [
    /(?:HIP|CUDA) out of memory/,
    /Tried to allocate (?<wanted>[\d.]{1,12} [KMG]iB)/,
    /; (?<total>[\d.]{1,12} [KMG]iB) total capacity;.{0,60}; (?<free>[\d.]{1,12} [KMG]iB) free;/,
    /a total capac\w{1,4} of (?<total>[\d.]{1,12} [KMG]iB) of which (?<free>[\d.]{1,12} [KMG]iB)/,
  ],
  cause: (seen) => {
    const [wanted, free, total] = ["wanted", "free", "total"].map((group) => seen.value(id, group));
    const parts = [
      wanted && `${wanted} were asked for`,
      free && `${free} were free`,
      total && `the card has ${total}`,
    ].filter(Boolean);
    const figures = parts.join(", ");
    if (saysFree(seen)) {
      return (
        `The allocation failed although enough is said to be free (${figures}): memory ` +
        "in pieces, another limit of the driver, or a wrong figure."
      );
    }
    return (
      "The network and what PyTorch keeps for it need more memory than the card " +
      `has.${figures ? ` ${figures}.` : ""}`
    );
  },
  isNot: ["a fault of ROCm or the card, as a rule"],
  certainty: judge,
  steps: [
    { what: "Smaller batch or picture; float16 for the weights; tiles for a decoder." },
    {
      what: "Give memory back in time, in smaller blocks.",
      command:
        "PYTORCH_HIP_ALLOC_CONF=garbage_collection_threshold:0.9,max_split_size_mb:512 " +
        "python your_program.py",
    },
    {
      what: "See what else uses the card.",
      command:
        "cat /sys/class/drm/card*/device/mem_info_vram_used " +
        "/sys/class/drm/card*/device/mem_info_vram_total",
    },
  ],
  sources: sources(
    "Comfy-Org/ComfyUI#5161 2024-10",
    "Comfy-Org/ComfyUI#13112 2026-03",
    "QwenAudio/CosyVoice#1189 2025-04",
    "ROCm/TheRock#1054 2025-07",
  ),
  explains: ["process-died", "generic-hip-tail", "miopen-workspace"],
};

export const mainMemory: Pattern = {
  id: "main-memory-full",
  role: "cause",
  title: "The machine's memory is full, and Linux ended the program",
  signs: [
    /Out of memory: Killed process \d{1,8} \((?<process>[^)]{1,40})\)/,
    /oom-kill:.{0,300}task=(?<process>[\w.+-]{1,40})/,
  ],
  cause: (seen) =>
    "Main memory, not the card's, ran out; the kernel ended " +
    `${seen.value("main-memory-full", "process") ?? "a process"}. Loading a large model does ` +
    "this.",
  isNot: ["the memory of the GPU", "a crash of the driver"],
  certainty: "confirmed",
  steps: [
    { what: "Memory and swap of the machine.", command: "free -h; swapon --show" },
    { what: "Load the weights in pieces or as float16, or add swap." },
  ],
  sources: sources("ShengcaiLiao/QAConv#19 2021-12", "oobabooga/textgen#440 2024-03"),
  explains: ["process-died"],
};

export const vulkanMemory: Pattern = {
  id: "vulkan-out-of-memory",
  role: "cause",
  title: "Vulkan found no memory on the card",
  signs: [/VK_ERROR_OUT_OF_DEVICE_MEMORY/, /ErrorOutOfDeviceMemory/],
  cause:
    "The program asked Vulkan for more memory than is free on the card, or for one block " +
    "above the driver's limit.",
  isNot: ["a broken driver"],
  certainty: "likely",
  steps: [
    {
      what: "A smaller model or batch, or weights in float16.",
      command: "rekindle run model.onnx --precision f16 --random",
    },
  ],
  sources: sources("nod-ai/AMD-SHARK-Studio#877 2023-02"),
  explains: ["process-died", "vulkan-device-lost"],
};
