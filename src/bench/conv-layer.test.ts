import { describe, expect, test } from "vitest";
import { conv2dOf } from "../kernels/conv-problem.ts";
import { convCase } from "./conv-case.ts";
import {
  flopOfLayer,
  nameOfLayer,
  networkLayers,
  outputSizeOf,
  parseLayer,
  smallLayers,
} from "./conv-layer.ts";

describe("names of layers", () => {
  test.each([
    ["c64-56x28-k128-3x3-s2", { C: 64, H: 56, W: 28, K: 128, R: 3, S: 3, stride: 2 }],
    ["c8-9x9-k8-1x5-d3-g8", { R: 1, S: 5, stride: 1, dilation: 3, G: 8 }],
  ])("%s", (name, expected) => {
    const layer = parseLayer(name)!;
    expect(layer).toMatchObject(expected);
    expect(nameOfLayer(layer)).toBe(name);
  });

  test("the name of every usual layer gives it back, and is there once", () => {
    const layers = [...networkLayers, ...smallLayers];
    for (const layer of layers) expect(parseLayer(nameOfLayer(layer))).toEqual(layer);
    expect(new Set(layers.map(nameOfLayer)).size).toBe(layers.length);
  });

  test.each(["resnet", "c64-56x56-k64", "c64-56x56-k64-3x3-g2-s2", "c64-56x56-k64-3x3-x2", ""])(
    "%s is no layer",
    (name) => expect(parseLayer(name)).toBeUndefined(),
  );

  test.each([
    ["c6-8x8-k8-3x3-g4", /6 and 8 channels do not divide into 4 groups/],
    ["c0-8x8-k8-3x3", /C cannot be 0/],
    ["c4-99999x8-k8-3x3", /H cannot be 99999/],
    ["c4-1x1-k8-4x4", /spans more than/],
  ])("%s makes no convolution", (name, message) => {
    expect(() => parseLayer(name)).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringMatching(message) }),
    );
  });
});

test("sizes and operations agree with what the engine makes of the layer", () => {
  for (const layer of smallLayers) {
    const { problem, flop, outputs } = convCase(layer, 2, "float32");
    const c = conv2dOf(problem)!;
    expect(outputSizeOf(layer)).toEqual({ P: c.P, Q: c.Q });
    expect(flop).toBe(2 * 2 * c.P * c.Q * c.K * (c.C / c.G) * c.R * c.S);
    expect(flop).toBe(2 * flopOfLayer(layer));
    expect(outputs[0]!.dims).toEqual([2, c.P, c.Q, c.K]);
  }
});
