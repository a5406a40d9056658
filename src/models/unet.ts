import type { GraphBuilder } from "./builder.ts";
import { begin, imageSizeOf, type Model } from "./model.ts";

// Ronneberger et al., U-Net, 2015; with padding, so that the picture keeps its size, and with
// batch normalization, as most implementations have it today.

const levels = 4;

function doubleConv(b: GraphBuilder, x: string, channels: number): string {
  let y = x;
  for (let i = 0; i < 2; i++) y = b.relu(b.batchNorm(b.conv(y, channels, { kernel: 3 })));
  return y;
}

export const unet: Model = {
  name: "unet",
  family: "U-Net",
  summary: "U-Net: a map of 2 classes per pixel; width is its channels at full size, 64 by default",
  build(options = {}) {
    imageSizeOf("unet", options, 2 ** levels, 2 ** levels);
    const { width = 64, classes = 2 } = options;
    const { b, x: input, size, batch } = begin("unet", options);
    const skips: string[] = [];
    let x = doubleConv(b, input, width);
    for (let level = 1; level <= levels; level++) {
      skips.push(x);
      x = doubleConv(b, b.maxPool(x, { kernel: 2, stride: 2 }), width * 2 ** level);
    }
    for (const skip of skips.reverse()) {
      const channels = b.channels(skip);
      x = doubleConv(b, b.concat(skip, b.convTranspose(x, channels, 2)), channels);
    }
    return b.finish(b.conv(x, classes, { bias: true }), [batch, classes, size, size]);
  },
};
