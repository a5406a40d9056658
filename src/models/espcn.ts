import { begin, type Model } from "./model.ts";

// Shi et al., Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
// Convolutional Neural Network, 2016.

const factor = 3;

export const espcn: Model = {
  name: "espcn",
  family: "ESPCN",
  summary: "ESPCN: enlarges a picture three times; classes are its channels, 3 by default",
  build(options = {}) {
    const { width = 1, classes = 3 } = options;
    const { b, x: input, size, batch } = begin("espcn", options);
    let x = b.tanh(b.conv(input, Math.round(64 * width), { kernel: 5, bias: true }));
    x = b.tanh(b.conv(x, Math.round(32 * width), { kernel: 3, bias: true }));
    x = b.conv(x, classes * factor ** 2, { kernel: 3, bias: true });
    const large = factor * size;
    return b.finish(b.depthToSpace(x, factor), [batch, classes, large, large]);
  },
};
