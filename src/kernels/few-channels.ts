import type { Conv2d } from "./conv-problem.ts";
import { type Load, loadsOf, type Tile } from "./gemm-tile.ts";
import type { Packed } from "./kernel.ts";

/** Where an index lies that no picture has. */
const outside = 0x40000000;

/**
 * For each step of a convolution's sum over R, S and C, how far its element lies from the window's
 * first one, and its row and column in the window: looking that up takes less than the divisions
 * that tell it. `rows` steps; those past the sum lie outside of every picture.
 */
export function packTaps(c: Conv2d, rows: number): Packed {
  const { R, S, C, W, dilation } = c;
  return {
    bytes: 16 * rows,
    key: `taps ${[R, S, C, W, dilation.h, dilation.w, rows]}`,
    inputs: [],
    make() {
      const table = new Uint32Array(4 * rows);
      for (let k = 0; k < rows; k++) {
        const channel = k % C;
        const h = (Math.floor(k / (C * S)) % R) * dilation.h;
        const w = (Math.floor(k / C) % S) * dilation.w;
        const isTap = k < R * S * C;
        table.set(isTap ? [(h * W + w) * C + channel, h, w, 0] : [0, outside, outside, 0], 4 * k);
      }
      return table;
    },
  };
}

/**
 * How a thread loads a picture with a number of channels that is no multiple of 4: elements one by
 * one, each with its own tap. `top`, `left` and `start` are WGSL for vector i of the share: the
 * window's first row, column and element.
 */
export function scalarLoad(t: Tile, start: (i: number) => string): Load & { setup: string } {
  const four = (each: (k: number) => string) => [0, 1, 2, 3].map(each).join(", ");
  const starts = Array.from({ length: loadsOf(t).a }, (_, i) => `  let start${i} = ${start(i)};`);
  return {
    element: "vec4<f32>",
    each: true,
    setup: starts.join("\n"),
    value: (i) => `vec4<f32>(${four((k) => `f32(x[start${i} + taps[first + ${k}u].x])`)})`,
    counts: (i) => {
      const inside = (k: number) =>
        `top${i} + taps[first + ${k}u].y < params.H && left${i} + taps[first + ${k}u].z < params.W`;
      return `vec4<bool>(${four(inside)})`;
    },
  };
}
