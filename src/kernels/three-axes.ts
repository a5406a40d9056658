import { type Shape, stridesOf } from "../tensor/index.ts";
import { type Layout, pictureOf, type Window } from "./geometry.ts";
import type { Place } from "./kernel.ts";
import { stridesAt } from "./place.ts";
import type { Width } from "./wgsl.ts";

/**
 * Params of kernels that treat every picture as having three spatial axes, numbered 0 to 2;
 * missing ones are of size 1 in front. H is the input, P the output, R the kernel, x the input's
 * strides; xN and xC its strides for batch and channel, in vectors of `width` elements.
 */
export function threeAxes(
  x: Shape,
  layout: Layout,
  window: Window,
  width: Width = 1,
  place?: Place,
) {
  const { spatial } = pictureOf(x, layout);
  const strides = stridesAt(place, stridesOf(x)).map((s) => s / width);
  const channelsLast = layout === "NHWC";
  const front = (list: readonly number[], value: number) => [
    ...new Array<number>(3 - list.length).fill(value),
    ...list,
  ];
  const perAxis = {
    H: front(spatial, 1),
    P: front(window.output, 1),
    R: front(window.kernel, 1),
    stride: front(window.strides, 1),
    dilation: front(window.dilations, 1),
    pad: front(window.padsBegin, 0),
    end: front(window.padsEnd, 0),
    x: front(channelsLast ? strides.slice(1, -1) : strides.slice(2), 0),
  };
  const numbered = Object.entries(perAxis).flatMap(([name, list]) =>
    list.map((value, i) => [`${name}${i}`, value] as const),
  );
  return {
    xN: strides[0]!,
    xC: channelsLast ? 1 : strides[1]!,
    ...Object.fromEntries(numbered),
  };
}

/**
 * WGSL statements that split the output index `at` into batch entry `n`, channel `k` of
 * `params.K`, and position `p0`, `p1`, `p2`.
 */
export function splitOutput(layout: Layout, at: string): string {
  const takeK = ["let k = rest % params.K; rest /= params.K;"];
  const takeP = [2, 1, 0].map((a) => `let p${a} = rest % params.P${a}; rest /= params.P${a};`);
  const steps = layout === "NHWC" ? [...takeK, ...takeP] : [...takeP, ...takeK];
  return ["  var rest = ", `${at};\n  `, steps.join("\n  "), "\n  let n = rest;"].join("");
}
