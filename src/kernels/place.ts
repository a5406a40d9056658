import { type Shape, sizeOf } from "../tensor/index.ts";
import type { Place, PlacedType } from "./kernel.ts";
import type { Width } from "./wgsl.ts";

/** Where the parts of a value lie that are joined along an axis, one behind the other. */
export function placesAlong(axis: number, parts: readonly Shape[]): Place[] {
  const runs = parts.map((dims) => sizeOf(dims.slice(axis)));
  const pitch = runs.reduce((sum, run) => sum + run, 0);
  let next = 0;
  return runs.map((run) => {
    const first = next;
    next += run;
    return { run, pitch, first };
  });
}

/** Where a part of a value lies, when that value lies inside another; undefined: in no such way. */
export function placeWithin(part: Place, whole: Place | undefined): Place | undefined {
  if (!whole) return part;
  if (part.pitch !== whole.run) return undefined;
  return { run: part.run, pitch: whole.pitch, first: part.first + whole.first };
}

/** The strides of a value that is read where it lies, from those that it has on its own. */
export function stridesAt(place: Place | undefined, strides: readonly number[]): number[] {
  return strides.map((s) => (place && s >= place.run ? (s / place.run) * place.pitch : s));
}

/**
 * WGSL that turns the index of a value's vector into that of the memory where it lies: params, a
 * function that reads them, and its call. Nothing where the value has memory of its own.
 */
export function placeCode(place: Place | undefined, width: Width) {
  if (!place) return { text: "", params: {}, at: (index: string) => index };
  const { run, pitch, first } = place;
  return {
    text: `fn placed(at: u32) -> u32 {
  return at / params.placeRun * params.placePitch + params.placeFirst + at % params.placeRun;
}
`,
    params: { placeRun: run / width, placePitch: pitch / width, placeFirst: first / width },
    at: (index: string) => `placed(${index})`,
  };
}

/**
 * WGSL for the vectors of a channels-last picture: from one pixel to the next, and what to add to
 * find the first. `channels` is the expression for the vectors of a pixel, which is the distance
 * where the picture has memory of its own.
 */
export function pixelCode({ place }: PlacedType, channels: string) {
  if (!place) return { params: {}, pitch: channels, first: "" };
  return {
    params: { pixelPitch: place.pitch / 4, pixelFirst: place.first / 4 },
    pitch: "params.pixelPitch",
    first: " + params.pixelFirst",
  };
}
