import type { Layout } from "./geometry.ts";

/** Distances in memory between neighbours of a picture, as params NAMEn, NAMEc, NAMEh, NAMEw. */
export function pictureStrides(
  name: string,
  layout: Layout,
  channels: number,
  height: number,
  width: number,
): Record<string, number> {
  const [c, h, w] =
    layout === "NHWC" ? [1, width * channels, channels] : [height * width, width, 1];
  return {
    [`${name}n`]: channels * height * width,
    [`${name}c`]: c,
    [`${name}h`]: h,
    [`${name}w`]: w,
  };
}
