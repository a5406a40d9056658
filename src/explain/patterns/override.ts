import { isRdna1, isSameGeneration } from "../cards.ts";
import { type Certainty, type Pattern, sources } from "../pattern.ts";
import type { Seen } from "../seen.ts";
import { dropOverride, rightTorch } from "../steps.ts";

/** What foreign code does to a card. */
export const faults = [
  "memory-fault",
  "invalid-isa",
  "gpu-hang",
  "ring-timeout",
  "gpu-reset",
  "gpu-page-fault",
  "queue-preemption",
  "process-died",
];

/** A crash without any message of the GPU. */
const onlyDied = (seen: Seen) =>
  seen.overrideIsOnlyOfMachine && faults.every((id) => id === "process-died" || !seen.hit(id));

function judge(seen: Seen): Certainty | undefined {
  const { card, override, disguise } = seen;
  if (disguise) {
    if (override?.how === "set") return "confirmed";
    if (override) return override.how === "mentioned" ? "likely" : "possible";
    // Threads hold logs of several machines. gfx1030 is what owners of RDNA1 cards claim.
    return isRdna1(card) && disguise === "gfx1030" ? "likely" : "possible";
  }
  if (!override || override.how === "disputed") return override && card ? "possible" : undefined;
  if (card) {
    if (isSameGeneration(card, override.target)) return undefined;
    // Up to ROCm 5.2 owners of RDNA1 cards report that gfx1030's code ran, in float32.
    if (/^rocm(?:4|5\.[0-2])\b/.test(seen.torchBuild ?? "")) return "possible";
    // Set, but nothing shows that it took effect: another cause may have been faster.
    return override.how === "set" && !onlyDied(seen) ? "likely" : "possible";
  }
  // The card is not known: only together with a fault is the override worth a word.
  const fault = faults.some((id) => seen.hit(id));
  return fault && !seen.software.some((s) => s === override.target) ? "possible" : undefined;
}

export const override: Pattern = {
  id: "override-foreign-code",
  role: "cause",
  title: "HSA_OVERRIDE_GFX_VERSION makes the card run code of another one",
  signs: [
    /HSA_OVERRIDE_GFX_VERSION["'\]]{0,2}\s{0,2}[=:,]\s{0,2}["']?(?<value>\d{1,2}\.\d\.\d{1,2})/,
    /^\s{0,12}Name: {1,40}(?<gfx>gfx(?:1[0-3]|[7-9])\d[\da-f])\b/,
    /Raw device name: (?<gfx>gfx(?:1[0-3]|[7-9])\d[\da-f])/,
    /system database file.{0,200}\b(?<gfx>gfx(?:1[0-3]|[7-9])\d[\da-f])_?\d{1,3}\./,
    /ParseAndLoadDb.{0,200}\b(?<gfx>gfx(?:1[0-3]|[7-9])\d[\da-f])_?\d{1,3}\./,
  ],
  cause: (seen) => {
    const fake = seen.disguise ?? seen.override?.target ?? "another card";
    const card = seen.card ?? "the card";
    const rdna1 = isRdna1(seen.card)
      ? " RDNA1 lacks instructions of later cards, and has hazards that only code compiled for " +
        "it steps around: wrong addresses, hangs and resets follow."
      : "";
    return `Software is told that ${card} is ${fake} and loads that target's code.${rdna1}`;
  },
  isNot: [
    "needed for anything today: AMD's builds hold code for RDNA1 itself",
    "missing fine-grained memory, as is often said: the runtime offers such memory on these " +
      "cards too",
  ],
  certainty: judge,
  steps: (seen) => [dropOverride, ...rightTorch(seen)],
  sources: sources(
    "ROCm/ROCm#2527 2023-11",
    "AUTOMATIC1111/stable-diffusion-webui#8139 2023-04",
    "ROCm/MIOpen#1995 2023-02",
    "ROCm/ROCm#5238 2025-09",
    "ROCm/rocm-systems#3461 2026",
  ),
  shownBy: faults,
  explains: faults,
};
