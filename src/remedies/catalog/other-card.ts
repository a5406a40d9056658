import { fact } from "../../doctor/condition.ts";
import { sources } from "../../doctor/rules/sources.ts";
import type { Remedy } from "../remedy.ts";
import { cards } from "./cards.ts";
import { waySources } from "./way-sources.ts";

const times = (inference: number, training: number | undefined) =>
  `${inference} times an RX 5700 in inference` +
  (training === undefined ? "" : ` and ${training} times in training`);

const lines = cards.map(({ name, gfx, support, speedUp }) => {
  const measured = speedUp ? `; ResNet-50: ${times(speedUp.inference, speedUp.training)}` : "";
  return `${name} (${gfx}): ${support}${measured}`;
});

export const otherCard: Remedy = {
  id: "other-card",
  title: "Another card",
  // Ranked are ways with the card that is there.
  kind: "expert",
  standsOn: "nothing",
  gives: "a card that ROCm's releases are tested on",
  serves: { train: "well", infer: "well", comfyui: "well", llm: "well" },
  fp16: "yes",
  certainty: "confirmed",
  evidence:
    "AMD tests its releases on RDNA3 and RDNA4 cards; one benchmark was run on an RX 5700 and on " +
    "newer cards, each with the software of its day (2024 and 2025)",
  sources: [waySources.windowsSupport, sources.supportedGpus, waySources.otherCards],
  requires: [
    {
      when: fact("os.platform", (platform) => platform !== "darwin"),
      otherwise: "Macs take no other card",
    },
  ],
  cost: () => ({ minutes: [30, 120], downloadBytes: 4e9, diskBytes: 12e9, root: false }),
  changes: ["The card itself."],
  risks: ["Check power supply, length and the slot before buying."],
  byHand: [
    ...lines,
    "Speed-ups are those of ResNet-50 in 32-bit floats, batch 12, as published by one author " +
      "(lamikr/pytorch-gpu-benchmark); an RX 5600 XT is somewhat slower than the RX 5700",
  ],
};
