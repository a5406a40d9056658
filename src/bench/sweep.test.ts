import { expect, test } from "vitest";
import { flopOfLayer, nameOfLayer, parseLayer } from "./conv-layer.ts";
import { bytesOfPoint } from "./measure-conv.ts";
import { sweepPoints, sweepSpace } from "./sweep.ts";

const limits = { limit: 300, seed: 1, flopMax: 1e11, bytesMax: 2 ** 28 };
const names = (list: ReturnType<typeof sweepPoints>) =>
  list.map(({ layer, batch }) => `${nameOfLayer(layer)} x${batch}`);

test("equal seeds give equal lists, others others; no point comes twice", () => {
  const points = names(sweepPoints(limits));
  expect(points).toHaveLength(300);
  expect(new Set(points).size).toBe(300);
  expect(names(sweepPoints(limits))).toEqual(points);
  expect(names(sweepPoints({ ...limits, limit: 10 }))).toEqual(points.slice(0, 10));
  expect(names(sweepPoints({ ...limits, seed: 2 }))).not.toEqual(points);
});

test("all points are convolutions within the limits", () => {
  for (const point of sweepPoints({ ...limits, limit: 5000 })) {
    const { layer, batch } = point;
    expect(parseLayer(nameOfLayer(layer))).toEqual(layer);
    expect(batch * flopOfLayer(layer)).toBeLessThanOrEqual(limits.flopMax);
    expect(bytesOfPoint(point)).toBeLessThanOrEqual(limits.bytesMax);
  }
});

test("every size of the space is visited", () => {
  const points = sweepPoints({ ...limits, limit: 5000, flopMax: 1e13, bytesMax: 2 ** 33 });
  const layers = points.map(({ layer }) => layer);
  const seen = (values: readonly number[]) => [...new Set(values)].sort((a, b) => a - b);
  expect(seen(layers.map(({ R }) => R))).toEqual(sweepSpace.kernels);
  expect(seen(layers.map(({ C }) => C))).toEqual(sweepSpace.channels);
  expect(seen(layers.map(({ H }) => H))).toEqual(sweepSpace.sizes);
  expect(seen(layers.map(({ dilation }) => dilation))).toEqual(sweepSpace.dilations);
  expect(seen(points.map(({ batch }) => batch))).toEqual(sweepSpace.batches);
  expect(layers.some(({ G, C }) => G === C && G > 1)).toBe(true);
  expect(layers.some(({ G }) => G === 4)).toBe(true);
});
