import type { GraphBuilder } from "./builder.ts";
import { classifier, type Model } from "./model.ts";

// He et al., Deep Residual Learning for Image Recognition, 2015; layers as in torchvision, with
// the stride of a bottleneck on its 3x3 convolution.

type Block = (b: GraphBuilder, x: string, channels: number, stride: number) => string;

const convNorm = (
  b: GraphBuilder,
  x: string,
  channels: number,
  options: { kernel?: number; stride?: number } = {},
) => b.batchNorm(b.conv(x, channels, options));

function shortcut(b: GraphBuilder, x: string, channels: number, stride: number): string {
  if (stride === 1 && b.channels(x) === channels) return x;
  return convNorm(b, x, channels, { stride });
}

/** What comes by the shortcut is mostly positive, so nearly all of the sum passes the ReLU. */
const sum = (b: GraphBuilder, y: string, x: string) => b.relu(b.add(y, x), 1);

const basic: Block = (b, x, channels, stride) => {
  const inner = b.relu(convNorm(b, x, channels, { kernel: 3, stride }));
  const y = convNorm(b, inner, channels, { kernel: 3 });
  return sum(b, y, shortcut(b, x, channels, stride));
};

const bottleneck: Block = (b, x, channels, stride) => {
  const narrow = b.relu(convNorm(b, x, channels));
  const inner = b.relu(convNorm(b, narrow, channels, { kernel: 3, stride }));
  const y = convNorm(b, inner, 4 * channels);
  return sum(b, y, shortcut(b, x, 4 * channels, stride));
};

const resnet = (depth: number, block: Block, blocks: readonly number[]): Model => ({
  name: `resnet${depth}`,
  family: "ResNet",
  summary: `ResNet-${depth}: ${block === basic ? "basic" : "bottleneck"} residual blocks`,
  build: (options = {}) =>
    classifier(`resnet${depth}`, options, (b, input, classes) => {
      let x = b.relu(convNorm(b, input, 64, { kernel: 7, stride: 2 }));
      x = b.maxPool(x, { kernel: 3, stride: 2, padding: 1 });
      blocks.forEach((count, stage) => {
        for (let i = 0; i < count; i++) {
          x = block(b, x, 64 * 2 ** stage, stage > 0 && i === 0 ? 2 : 1);
        }
      });
      return b.linear(b.flatten(b.globalAveragePool(x)), classes);
    }),
});

export const resnets: readonly Model[] = [
  resnet(18, basic, [2, 2, 2, 2]),
  resnet(34, basic, [3, 4, 6, 3]),
  resnet(50, bottleneck, [3, 4, 6, 3]),
  resnet(101, bottleneck, [3, 4, 23, 3]),
];
