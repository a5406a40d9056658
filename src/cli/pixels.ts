import { RekindleError } from "../errors.ts";
import { type DType, fromFloat16Bits, newArray, Tensor, toFloat16Bits } from "../tensor/index.ts";
import type { Picture } from "./image.ts";

/** Per channel, or one number for all: `(value - mean) / std` of values in 0..1. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Mean and deviation of ImageNet's pictures, as torchvision's networks expect them. */
export const imageNet: Normalization = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};
/** The same for grey pictures. */
export const imageNetGrey: Normalization = { mean: [0.449], std: [0.226] };
/** Leaves values in 0..1. */
export const plain: Normalization = { mean: [0], std: [1] };

/**
 * Pictures of one size as a batch NCHW. float32 and float16 values are normalized; uint8 values
 * are the bytes themselves.
 *
 * @example
 * const x = toTensor([cat, dog], "float32", imageNet); // float32 2x3x224x224
 */
export function toTensor(
  pictures: readonly Picture[],
  dtype: DType,
  normalization: Normalization,
): Tensor {
  const { channels, height, width } = pictures[0]!;
  const plane = height * width;
  const out = newArray(dtype, pictures.length * channels * plane);
  pictures.forEach(({ data }, n) => {
    for (let c = 0; c < channels; c++) {
      const table = valuesOfBytes(dtype, channels, c, normalization);
      const start = (n * channels + c) * plane;
      for (let i = 0; i < plane; i++) out[start + i] = table[data[i * channels + c]!]!;
    }
  });
  return new Tensor(dtype, out, [pictures.length, channels, height, width]);
}

/** What each of the 256 values of a byte becomes. */
function valuesOfBytes(dtype: DType, channels: number, c: number, by: Normalization) {
  const mean = ofChannel(by.mean, channels, c, "mean");
  const std = ofChannel(by.std, channels, c, "std");
  return Array.from({ length: 256 }, (_, byte) => {
    const value = (byte / 255 - mean) / std;
    if (dtype === "uint8") return byte;
    return dtype === "float16" ? toFloat16Bits(value) : value;
  });
}

function ofChannel(values: readonly number[], channels: number, c: number, what: string): number {
  if (values.length !== 1 && values.length !== channels) {
    throw new RekindleError(
      "usage",
      `--${what} has ${values.length} numbers, the network's pictures have ${channels} ` +
        (channels === 1 ? "channel" : "channels"),
      { fix: channels === 1 ? "pass one number" : `pass one number, or ${channels}` },
    );
  }
  return values[values.length === 1 ? 0 : c]!;
}

/** The values that stand for black and white. */
export type Range = readonly [black: number, white: number];

/** True for the shape of a batch of pictures: [N, 1 or 3, H, W] with more than one pixel. */
export function isPictureShape(dims: readonly (number | string)[]): boolean {
  const [, c, h, w] = dims;
  return dims.length === 4 && (c === 1 || c === 3) && h !== 1 && w !== 1;
}

/** Picture `n` of a batch NCHW; values beyond `range` are cut off, NaN becomes black. */
export function toPicture(batch: Tensor, n: number, range: Range): Picture {
  const [, channels, height, width] = batch.dims as [number, 1 | 3, number, number];
  const plane = height * width;
  const data = new Uint8Array(channels * plane);
  const read = numberReader(batch);
  const scale = 255 / (range[1] - range[0]);
  for (let c = 0; c < channels; c++) {
    const start = (n * channels + c) * plane;
    for (let i = 0; i < plane; i++) {
      const value = (read(start + i) - range[0]) * scale;
      data[i * channels + c] = Math.min(255, Math.max(0, Math.round(value)));
    }
  }
  return { height, width, channels, data };
}

function numberReader({ data, dtype }: Tensor): (i: number) => number {
  if (dtype === "float16") return (i) => fromFloat16Bits(data[i] as number);
  return (i) => Number(data[i]);
}
