import { RekindleError } from "../errors.ts";

/** A two-dimensional convolution without its batch, in the project's letters; square strides. */
export interface ConvLayer {
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly K: number;
  readonly R: number;
  readonly S: number;
  readonly stride: number;
  readonly dilation: number;
  /** Groups; `C` for a depthwise convolution. */
  readonly G: number;
}

/** Zeros on every side of the picture: as many as keep its size at stride 1, for odd kernels. */
export function paddingOf({ R, S, dilation }: ConvLayer): {
  readonly h: number;
  readonly w: number;
} {
  return { h: Math.floor(((R - 1) * dilation) / 2), w: Math.floor(((S - 1) * dilation) / 2) };
}

/** Output height and width. */
export function outputSizeOf(layer: ConvLayer): { readonly P: number; readonly Q: number } {
  const { H, W, R, S, stride, dilation } = layer;
  const { h, w } = paddingOf(layer);
  return {
    P: Math.floor((H + 2 * h - (R - 1) * dilation - 1) / stride) + 1,
    Q: Math.floor((W + 2 * w - (S - 1) * dilation - 1) / stride) + 1,
  };
}

/** Floating-point operations of one picture by the definition, two for each multiplication. */
export function flopOfLayer(layer: ConvLayer): number {
  const { C, K, R, S, G } = layer;
  const { P, Q } = outputSizeOf(layer);
  return 2 * P * Q * K * (C / G) * R * S;
}

/**
 * What a layer is called everywhere: "c256-56x56-k64-3x3", with "-s2" for its stride, "-d2" for
 * its dilation and "-g32" for its groups where they are not 1.
 */
export function nameOfLayer({ C, H, W, K, R, S, stride, dilation, G }: ConvLayer): string {
  const extra = [
    ["s", stride],
    ["d", dilation],
    ["g", G],
  ] as const;
  const shown = extra.filter(([, value]) => value !== 1).map(([letter, value]) => letter + value);
  return [`c${C}`, `${H}x${W}`, `k${K}`, `${R}x${S}`, ...shown].join("-");
}

const namePattern = /^c(\d+)-(\d+)x(\d+)-k(\d+)-(\d+)x(\d+)(?:-s(\d+))?(?:-d(\d+))?(?:-g(\d+))?$/;

/** Channels and sides beyond this belong to no convolution that anybody runs. */
const sizeMax = 65_536;

/**
 * The layer of a name that `nameOfLayer` could have given; undefined for any other text. Throws
 * "usage" for sizes that make no convolution.
 *
 * @example parseLayer("c64-56x56-k64-3x3-s2")?.stride === 2;
 */
export function parseLayer(name: string): ConvLayer | undefined {
  const match = namePattern.exec(name);
  if (!match) return undefined;
  const [C, H, W, K, R, S, stride, dilation, G] = match
    .slice(1)
    .map((text) => (text === undefined ? 1 : Number(text))) as [
    ...[number, number, number, number, number, number, number, number, number],
  ];
  const layer = { C, H, W, K, R, S, stride, dilation, G };
  const wrong = Object.entries(layer).find(([, value]) => value < 1 || value > sizeMax);
  if (wrong) {
    throw new RekindleError("usage", `layer ${name}: ${wrong[0]} cannot be ${wrong[1]}`, {
      fix: `give sizes from 1 to ${sizeMax}`,
    });
  }
  if (C % G !== 0 || K % G !== 0) {
    const what = `layer ${name}: ${C} and ${K} channels do not divide into ${G} groups`;
    throw new RekindleError("usage", what, { fix: "choose another number of groups" });
  }
  const { P, Q } = outputSizeOf(layer);
  if (P >= 1 && Q >= 1) return layer;
  const what = `layer ${name}: a kernel of ${R}x${S}, dilated ${dilation} times, spans more than`;
  throw new RekindleError("usage", `${what} the padded picture`, {
    fix: "choose a larger picture",
  });
}

const layer = (
  C: number,
  size: number,
  K: number,
  kernel: number,
  rest: Partial<Pick<ConvLayer, "stride" | "dilation" | "G">> = {},
): ConvLayer => ({
  ...{ C, H: size, W: size, K, R: kernel, S: kernel, stride: 1, dilation: 1, G: 1 },
  ...rest,
});

/** Layers of networks that are run everywhere; each stands for a class. */
export const networkLayers: readonly ConvLayer[] = [
  // ResNet: the first layer, the 3x3 layers of its four stages, and 1x1 layers.
  layer(3, 224, 64, 7, { stride: 2 }),
  layer(64, 56, 64, 3),
  layer(128, 28, 128, 3),
  layer(256, 14, 256, 3),
  layer(512, 7, 512, 3),
  layer(128, 56, 128, 3, { stride: 2 }),
  layer(256, 56, 64, 1),
  layer(512, 28, 128, 1),
  layer(1024, 14, 256, 1),
  layer(2048, 7, 512, 1),
  layer(512, 56, 1024, 1, { stride: 2 }),
  // VGG: large pictures.
  layer(64, 224, 64, 3),
  layer(256, 56, 256, 3),
  // MobileNet: depthwise, narrow 1x1.
  layer(96, 112, 96, 3, { stride: 2, G: 96 }),
  layer(144, 56, 144, 3, { G: 144 }),
  layer(576, 14, 576, 3, { G: 576 }),
  layer(24, 56, 144, 1),
  // GoogLeNet, EfficientNet, ResNeXt, DeepLab: 5x5, groups, dilation.
  layer(32, 28, 96, 5),
  layer(240, 28, 240, 5, { G: 240 }),
  layer(256, 28, 256, 3, { G: 32 }),
  layer(256, 28, 256, 3, { dilation: 2 }),
];

/** So few operations that even a CPU that emulates a GPU is done within seconds. */
export const smallLayers: readonly ConvLayer[] = [
  layer(3, 56, 16, 7, { stride: 2 }),
  layer(32, 14, 32, 3),
  layer(64, 14, 32, 1),
  layer(48, 14, 48, 3, { G: 48 }),
];
