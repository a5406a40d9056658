import { sizeOf, stridesOf } from "../tensor/index.ts";
import type { Ndarray } from "./define.ts";
import { forEachIndex } from "./loops.ts";

/**
 * The elements of `array` in groups that share their indices on all axes but `axes`; groups and
 * their elements are in row-major order.
 */
export function groupsAlong(array: Ndarray, axes: readonly number[]): number[][] {
  const { dims, data } = array;
  const kept = dims.map((d, axis) => (axes.includes(axis) ? 1 : d));
  const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
  const groups = Array.from({ length: sizeOf(kept) }, (): number[] => []);
  forEachIndex(dims, (index, position) => {
    const group = index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0);
    groups[group]!.push(data[position]!);
  });
  return groups;
}
