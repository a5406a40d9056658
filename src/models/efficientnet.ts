import type { GraphBuilder } from "./builder.ts";
import { classifier, type Model } from "./model.ts";

// Tan and Le, EfficientNet, 2019; layers as in torchvision.

/** Expansion, kernel, stride of the first block, channels, how many blocks. */
const stages = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;

/** The squeezed channels are a fourth of the block's input, not of its expanded channels. */
function squeezeExcite(b: GraphBuilder, x: string, squeezed: number): string {
  const inner = b.silu(b.conv(b.globalAveragePool(x), squeezed, { bias: true }));
  return b.mul(x, b.sigmoid(b.conv(inner, b.channels(x), { bias: true })));
}

function mbconv(
  b: GraphBuilder,
  x: string,
  expansion: number,
  kernel: number,
  stride: number,
  channels: number,
): string {
  const expanded = expansion * b.channels(x);
  let y = x;
  if (expansion !== 1) y = b.silu(b.batchNorm(b.conv(y, expanded)));
  y = b.silu(b.batchNorm(b.conv(y, expanded, { kernel, stride, groups: expanded })));
  y = squeezeExcite(b, y, Math.max(1, Math.floor(b.channels(x) / 4)));
  y = b.batchNorm(b.conv(y, channels));
  return stride === 1 && channels === b.channels(x) ? b.add(y, x) : y;
}

export const efficientnet: Model = {
  name: "efficientnet_b0",
  family: "EfficientNet",
  summary: "EfficientNet-B0: inverted residuals with squeeze-and-excite and SiLU",
  build: (options = {}) =>
    classifier("efficientnet_b0", options, (b, input, classes) => {
      let x = b.silu(b.batchNorm(b.conv(input, 32, { kernel: 3, stride: 2 })));
      for (const [expansion, kernel, firstStride, channels, count] of stages) {
        for (let i = 0; i < count; i++) {
          x = mbconv(b, x, expansion, kernel, i === 0 ? firstStride : 1, channels);
        }
      }
      x = b.silu(b.batchNorm(b.conv(x, 1280)));
      return b.linear(b.flatten(b.globalAveragePool(x)), classes);
    }),
};
