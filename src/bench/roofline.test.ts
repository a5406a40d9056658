import { expect, test } from "vitest";
import { bandwidthAt, boundMs, type Roofline } from "./roofline.ts";

const roofline: Roofline = {
  flopPerSecond: { f32: 1e12, f16: 2e12 },
  bandwidth: [
    { bytes: 1e6, bytesPerSecond: 4e11 },
    { bytes: 1e8, bytesPerSecond: 2e11 },
  ],
};

test("the larger of arithmetic and memory bounds the time", () => {
  expect(boundMs(roofline, { flop: 1e9, bytes: 1e6, precision: "f32" })).toBeCloseTo(1);
  expect(boundMs(roofline, { flop: 1e9, bytes: 1e6, precision: "f16" })).toBeCloseTo(0.5);
  // Stored as float16, multiplied as float32.
  expect(boundMs(roofline, { flop: 1e9, bytes: 1e6, precision: "f16acc32" })).toBeCloseTo(1);
  expect(boundMs(roofline, { flop: 0, bytes: 1e8, precision: "f32" })).toBeCloseTo(0.5);
});

test("bandwidth is that of as many bytes", () => {
  expect(bandwidthAt(roofline.bandwidth, 10)).toBe(4e11);
  expect(bandwidthAt(roofline.bandwidth, 1e7)).toBeCloseTo(3e11);
  expect(bandwidthAt(roofline.bandwidth, 1e9)).toBe(2e11);
});
