import { classifier, imageSizeOf, type Model } from "./model.ts";

// Simonyan and Zisserman, Very Deep Convolutional Networks, 2014; configurations A, D and E.

const channels = [64, 128, 256, 512, 512];

/** `convolutions` per stage; every stage ends in a pool that halves the picture. */
const vgg = (depth: number, convolutions: readonly number[]): Model => ({
  name: `vgg${depth}`,
  family: "VGG",
  summary: `VGG-${depth}: 3x3 convolutions and three large fully connected layers`,
  build(options = {}) {
    const size = imageSizeOf(`vgg${depth}`, options, 32);
    return classifier(`vgg${depth}`, options, (b, input, classes) => {
      let x = input;
      convolutions.forEach((count, stage) => {
        for (let i = 0; i < count; i++) {
          x = b.relu(b.conv(x, channels[stage]!, { kernel: 3, bias: true }));
        }
        x = b.maxPool(x, { kernel: 2, stride: 2 });
      });
      const features = 512 * Math.floor(size / 32) ** 2;
      x = b.relu(b.linear(b.flatten(x), 4096, features));
      x = b.relu(b.linear(x, 4096));
      return b.linear(x, classes);
    });
  },
});

export const vggs: readonly Model[] = [
  vgg(11, [1, 1, 2, 2, 2]),
  vgg(16, [2, 2, 3, 3, 3]),
  vgg(19, [2, 2, 4, 4, 4]),
];
