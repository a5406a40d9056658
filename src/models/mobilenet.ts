import type { GraphBuilder } from "./builder.ts";
import { classifier, type Model, roundChannels } from "./model.ts";

// Sandler et al., MobileNetV2, 2018; Howard et al., Searching for MobileNetV3, 2019; layers as in
// torchvision.

type Activation = (b: GraphBuilder, x: string) => string;
const relu: Activation = (b, x) => b.relu(x);
const relu6: Activation = (b, x) => b.relu6(x);
const hardSwish: Activation = (b, x) => b.hardSwish(x);

interface Bottleneck {
  readonly kernel: number;
  readonly expanded: number;
  readonly channels: number;
  readonly stride: number;
  readonly squeeze?: boolean;
  readonly activation: Activation;
  readonly epsilon?: number;
}

/** Expand, filter each channel, project; the input is added where the shapes agree. */
function bottleneck(b: GraphBuilder, x: string, block: Bottleneck): string {
  const { kernel, expanded, channels, stride, activation, epsilon } = block;
  let y = x;
  if (expanded !== b.channels(x)) y = activation(b, b.batchNorm(b.conv(y, expanded), epsilon));
  y = b.conv(y, expanded, { kernel, stride, groups: expanded });
  y = activation(b, b.batchNorm(y, epsilon));
  if (block.squeeze) y = squeezeExcite(b, y);
  y = b.batchNorm(b.conv(y, channels), epsilon);
  return stride === 1 && channels === b.channels(x) ? b.add(x, y) : y;
}

function squeezeExcite(b: GraphBuilder, x: string): string {
  const channels = b.channels(x);
  const squeezed = roundChannels(channels / 4);
  const inner = b.relu(b.conv(b.globalAveragePool(x), squeezed, { bias: true }));
  return b.mul(x, b.hardSigmoid(b.conv(inner, channels, { bias: true })));
}

/** Expansion, channels, how many blocks, and the stride of the first. */
const v2Blocks = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

const mobilenetV2: Model = {
  name: "mobilenet_v2",
  family: "MobileNet",
  summary: "MobileNetV2: inverted residuals with linear bottlenecks; width scales its channels",
  build: (options = {}) =>
    classifier("mobilenet_v2", options, (b, input, classes) => {
      const { width = 1 } = options;
      const stem = b.conv(input, roundChannels(32 * width), { kernel: 3, stride: 2 });
      let x = b.relu6(b.batchNorm(stem));
      for (const [expansion, channels, count, firstStride] of v2Blocks) {
        for (let i = 0; i < count; i++) {
          x = bottleneck(b, x, {
            kernel: 3,
            expanded: Math.round(b.channels(x) * expansion),
            channels: roundChannels(channels * width),
            stride: i === 0 ? firstStride : 1,
            activation: relu6,
          });
        }
      }
      x = b.relu6(b.batchNorm(b.conv(x, roundChannels(1280 * Math.max(1, width)))));
      return b.linear(b.flatten(b.globalAveragePool(x)), classes);
    }),
};

/** Kernel, expanded channels, channels, squeeze-and-excite, activation, stride. */
type V3Row = readonly [number, number, number, boolean, Activation, number];

const large: readonly V3Row[] = [
  [3, 16, 16, false, relu, 1],
  [3, 64, 24, false, relu, 2],
  [3, 72, 24, false, relu, 1],
  [5, 72, 40, true, relu, 2],
  [5, 120, 40, true, relu, 1],
  [5, 120, 40, true, relu, 1],
  [3, 240, 80, false, hardSwish, 2],
  [3, 200, 80, false, hardSwish, 1],
  [3, 184, 80, false, hardSwish, 1],
  [3, 184, 80, false, hardSwish, 1],
  [3, 480, 112, true, hardSwish, 1],
  [3, 672, 112, true, hardSwish, 1],
  [5, 672, 160, true, hardSwish, 2],
  [5, 960, 160, true, hardSwish, 1],
  [5, 960, 160, true, hardSwish, 1],
];

const small: readonly V3Row[] = [
  [3, 16, 16, true, relu, 2],
  [3, 72, 24, false, relu, 2],
  [3, 88, 24, false, relu, 1],
  [5, 96, 40, true, hardSwish, 2],
  [5, 240, 40, true, hardSwish, 1],
  [5, 240, 40, true, hardSwish, 1],
  [5, 120, 48, true, hardSwish, 1],
  [5, 144, 48, true, hardSwish, 1],
  [5, 288, 96, true, hardSwish, 2],
  [5, 576, 96, true, hardSwish, 1],
  [5, 576, 96, true, hardSwish, 1],
];

const mobilenetV3 = (size: string, rows: readonly V3Row[], last: number): Model => ({
  name: `mobilenet_v3_${size}`,
  family: "MobileNet",
  summary: `MobileNetV3 ${size}: squeeze-and-excite and hard-swish; width scales its channels`,
  build: (options = {}) =>
    classifier(`mobilenet_v3_${size}`, options, (b, input, classes) => {
      const { width = 1 } = options;
      const scaled = (channels: number) => roundChannels(channels * width);
      const epsilon = 0.001;
      let x = b.conv(input, scaled(16), { kernel: 3, stride: 2 });
      x = b.hardSwish(b.batchNorm(x, epsilon));
      for (const [kernel, wide, channels, squeeze, activation, stride] of rows) {
        const block = { kernel, stride, squeeze, activation, epsilon };
        x = bottleneck(b, x, { ...block, expanded: scaled(wide), channels: scaled(channels) });
      }
      x = b.hardSwish(b.batchNorm(b.conv(x, 6 * b.channels(x)), epsilon));
      x = b.hardSwish(b.linear(b.flatten(b.globalAveragePool(x)), scaled(last)));
      return b.linear(x, classes);
    }),
});

export const mobilenets: readonly Model[] = [
  mobilenetV2,
  mobilenetV3("large", large, 1280),
  mobilenetV3("small", small, 1024),
];
