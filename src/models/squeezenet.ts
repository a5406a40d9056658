import type { GraphBuilder } from "./builder.ts";
import { classifier, imageSizeOf, type Model } from "./model.ts";

// Iandola et al., SqueezeNet, 2016, in version 1.1 of its authors' repository.

/** Squeeze to few channels, then expand by 1x1 and by 3x3 convolutions. */
function fire(b: GraphBuilder, x: string, squeezed: number, expanded: number): string {
  const inner = b.relu(b.conv(x, squeezed, { bias: true }));
  return b.concat(
    b.relu(b.conv(inner, expanded, { bias: true })),
    b.relu(b.conv(inner, expanded, { kernel: 3, bias: true })),
  );
}

/** Squeezed and expanded channels of the fire modules, between pools. */
const stages = [
  [
    [16, 64],
    [16, 64],
  ],
  [
    [32, 128],
    [32, 128],
  ],
  [
    [48, 192],
    [48, 192],
    [64, 256],
    [64, 256],
  ],
] as const;

export const squeezenet: Model = {
  name: "squeezenet1_1",
  family: "SqueezeNet",
  summary: "SqueezeNet 1.1: fire modules, few weights, no fully connected layer",
  build(options = {}) {
    imageSizeOf("squeezenet1_1", options, 17);
    return classifier("squeezenet1_1", options, (b, input, classes) => {
      let x = b.relu(b.conv(input, 64, { kernel: 3, stride: 2, padding: 0, bias: true }));
      for (const modules of stages) {
        x = b.maxPool(x, { kernel: 3, stride: 2, ceil: true });
        for (const [squeezed, expanded] of modules) x = fire(b, x, squeezed, expanded);
      }
      x = b.relu(b.conv(x, classes, { bias: true }));
      return b.flatten(b.globalAveragePool(x));
    });
  },
};
