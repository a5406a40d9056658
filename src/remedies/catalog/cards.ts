/** A card that could take this one's place. */
interface OtherCard {
  readonly name: string;
  readonly gfx: string;
  /** Who supports it, as of when. */
  readonly support: string;
  /**
   * Times an RX 5700, ResNet-50 in 32-bit floats with batch 12. From the medians in
   * lamikr/pytorch-gpu-benchmark: RX 5700 35.5 ms forward and 116 ms in training, RX 6800 15.0 and
   * 62.6, RX 7700S 33.0 and 125, RX 7800 XT 8.2 and 28.7, RX 7900 XTX 8.7 forward (older software).
   */
  readonly speedUp?: { readonly inference: number; readonly training?: number };
}

const onWindowsToo = "AMD: ROCm 7.2 on Windows (2026-07-31); TheRock: Linux and Windows (2026-08)";
const byTheRock = "TheRock: published for Linux and Windows (2026-08), not in ROCm 7.2's own list";

export const cards: readonly OtherCard[] = [
  { name: "RX 9070, 9070 XT, 9070 GRE", gfx: "gfx1201", support: onWindowsToo },
  { name: "RX 9060, 9060 XT", gfx: "gfx1200", support: onWindowsToo },
  {
    name: "RX 7900 XT, 7900 XTX",
    gfx: "gfx1100",
    support: onWindowsToo,
    speedUp: { inference: 4.1 },
  },
  {
    name: "RX 7700 XT, 7800 XT",
    gfx: "gfx1101",
    support: "TheRock: Linux and Windows (2026-08)",
    speedUp: { inference: 4.3, training: 4 },
  },
  {
    name: "RX 7600, 7700S",
    gfx: "gfx1102",
    support: "TheRock: Linux and Windows (2026-08)",
    speedUp: { inference: 1.1, training: 0.9 },
  },
  {
    name: "RX 6800, 6900 XT",
    gfx: "gfx1030",
    support: byTheRock,
    speedUp: { inference: 2.4, training: 1.9 },
  },
];
