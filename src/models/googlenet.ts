import type { GraphBuilder } from "./builder.ts";
import { classifier, imageSizeOf, type Model } from "./model.ts";

// Szegedy et al., Going Deeper with Convolutions, 2014; as in torchvision: with batch
// normalization, 3x3 where the paper has 5x5, and without the auxiliary classifiers.

const unit = (b: GraphBuilder, x: string, channels: number, kernel = 1, stride = 1) =>
  b.relu(b.batchNorm(b.conv(x, channels, { kernel, stride }), 0.001));

/** Channels of an inception module: 1x1, 3x3 reduced, 3x3, 5x5 reduced, 5x5, behind the pool. */
type Inception = readonly [number, number, number, number, number, number];

function inception(b: GraphBuilder, x: string, channels: Inception): string {
  const [one, threeReduced, three, fiveReduced, five, pooled] = channels;
  const pool = b.maxPool(x, { kernel: 3, stride: 1, padding: 1, ceil: true });
  return b.concat(
    unit(b, x, one),
    unit(b, unit(b, x, threeReduced), three, 3),
    unit(b, unit(b, x, fiveReduced), five, 3),
    unit(b, pool, pooled),
  );
}

/** The modules between pools, and the kernel of the pool before them. */
const stages: readonly { readonly pool: number; readonly modules: readonly Inception[] }[] = [
  {
    pool: 3,
    modules: [
      [64, 96, 128, 16, 32, 32],
      [128, 128, 192, 32, 96, 64],
    ],
  },
  {
    pool: 3,
    modules: [
      [192, 96, 208, 16, 48, 64],
      [160, 112, 224, 24, 64, 64],
      [128, 128, 256, 24, 64, 64],
      [112, 144, 288, 32, 64, 64],
      [256, 160, 320, 32, 128, 128],
    ],
  },
  {
    pool: 2,
    modules: [
      [256, 160, 320, 32, 128, 128],
      [384, 192, 384, 48, 128, 128],
    ],
  },
];

export const googlenet: Model = {
  name: "googlenet",
  family: "GoogLeNet",
  summary: "GoogLeNet (Inception v1) with batch normalization, without auxiliary classifiers",
  build(options = {}) {
    imageSizeOf("googlenet", options, 15);
    return classifier("googlenet", options, (b, input, classes) => {
      let x = unit(b, input, 64, 7, 2);
      x = b.maxPool(x, { kernel: 3, stride: 2, ceil: true });
      x = unit(b, unit(b, x, 64), 192, 3);
      for (const { pool, modules } of stages) {
        x = b.maxPool(x, { kernel: pool, stride: 2, ceil: true });
        for (const channels of modules) x = inception(b, x, channels);
      }
      return b.linear(b.flatten(b.globalAveragePool(x)), classes);
    });
  },
};
