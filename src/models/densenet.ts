import type { GraphBuilder } from "./builder.ts";
import { classifier, imageSizeOf, type Model } from "./model.ts";

// Huang et al., Densely Connected Convolutional Networks, 2016; layers as in torchvision.

const growth = 32;
const layersPerBlock = [6, 12, 24, 16];

const normRelu = (b: GraphBuilder, x: string) => b.relu(b.batchNorm(x));

/** Every layer reads all channels so far and adds `growth` new ones. */
function denseLayer(b: GraphBuilder, x: string): string {
  const narrow = b.conv(normRelu(b, x), 4 * growth);
  return b.concat(x, b.conv(normRelu(b, narrow), growth, { kernel: 3 }));
}

/** Halves channels and size. */
function transition(b: GraphBuilder, x: string): string {
  const narrow = b.conv(normRelu(b, x), b.channels(x) / 2);
  return b.averagePool(narrow, { kernel: 2, stride: 2 });
}

export const densenet: Model = {
  name: "densenet121",
  family: "DenseNet",
  summary: "DenseNet-121: every layer of a block reads all layers before it",
  build(options = {}) {
    imageSizeOf("densenet121", options, 29);
    return classifier("densenet121", options, (b, input, classes) => {
      let x = b.relu(b.batchNorm(b.conv(input, 64, { kernel: 7, stride: 2 })));
      x = b.maxPool(x, { kernel: 3, stride: 2, padding: 1 });
      layersPerBlock.forEach((layers, block) => {
        if (block > 0) x = transition(b, x);
        for (let i = 0; i < layers; i++) x = denseLayer(b, x);
      });
      return b.linear(b.flatten(b.globalAveragePool(normRelu(b, x))), classes);
    });
  },
};
