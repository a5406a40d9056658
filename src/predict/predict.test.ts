import { describe, expect, test } from "vitest";
import { models } from "../models/index.ts";
import { optimize, resolve } from "../passes/index.ts";
import { cards, findCard } from "./cards.ts";
import { predictModel } from "./index.ts";

function graphOf(name: string, precision: "f32" | "f16" = "f32", batch = 1) {
  const graph = models.get(name)!.build({ batch, imageSize: 64 });
  const shapes = new Map(graph.inputs.map((x) => [x.name, x.dims as readonly number[]]));
  return optimize(resolve(graph, shapes), { precision });
}

describe("cards", () => {
  test("are found by name, however it is written", () => {
    expect(findCard("AMD Radeon RX 5600 XT")).toBe(findCard("rx5600xt"));
    expect(findCard("RX 5700")).not.toBe(findCard("RX 5700 XT"));
    expect(() => findCard("RX 6800")).toThrow(/"RX 6800"/);
  });

  test("an RX 5600 XT does 7.19 TFLOP/s at its boost clock, as its specifications say", () => {
    const { computeUnits, boostMHz } = findCard("RX 5600 XT");
    expect((2 * 64 * computeUnits * boostMHz) / 1e6).toBeCloseTo(7.19, 2);
  });
});

describe("predictions", () => {
  test("no layer is faster than its bound, and layers add up", () => {
    for (const name of ["resnet18", "mobilenet_v2"]) {
      for (const precision of ["f32", "f16"] as const) {
        const graph = graphOf(name, precision);
        for (const card of cards) {
          const prediction = predictModel(graph, card, precision);
          const sum = (of: "boundMs" | "predictedMs") =>
            prediction.layers.reduce((total, layer) => total + layer[of], 0);
          expect(prediction.predictedMs).toBeCloseTo(sum("predictedMs"), 9);
          expect(prediction.boundMs).toBeCloseTo(sum("boundMs"), 9);
          for (const layer of prediction.layers) {
            expect(layer.predictedMs, layer.name).toBeGreaterThan(layer.boundMs);
            expect(layer.dispatches.length).toBeGreaterThan(0);
          }
        }
      }
    }
  });

  test("a large convolution's bound is its arithmetic at the peak rate", () => {
    const graph = graphOf("resnet18", "f32", 8);
    const { layers } = predictModel(graph, findCard("RX 5600 XT"));
    const conv = layers.find((layer) => layer.op === "Conv")!;
    expect(conv.flop).toBe(2 * 8 * 32 * 32 * 64 * 3 * 7 * 7);
    expect(conv.boundMs).toBeCloseTo((1000 * conv.flop) / (2 * 64 * 36 * 1.56e9), 6);
  });

  test("float16 halves the bound of arithmetic, unless it is multiplied in float32", () => {
    const bound = (precision: "f32" | "f16" | "f16acc32") => {
      const graph = graphOf("resnet18", precision === "f32" ? "f32" : "f16", 8);
      const { layers } = predictModel(graph, findCard("RX 5600 XT"), precision);
      return layers.find((layer) => layer.op === "Conv")!.boundMs;
    };
    expect(bound("f32") / bound("f16")).toBeCloseTo(2, 5);
    expect(bound("f32")).toBeCloseTo(bound("f16acc32"), 9);
  });

  test("a card with more units and bandwidth is faster, a larger batch takes longer", () => {
    const graph = graphOf("resnet18", "f32", 4);
    const ms = (name: string) => predictModel(graph, findCard(name)).predictedMs;
    expect(ms("RX 5700")).toBeLessThan(ms("RX 5600 XT"));
    expect(ms("RX 5600 XT")).toBeLessThan(ms("RX 5500 XT"));
    const one = predictModel(graphOf("resnet18"), findCard("RX 5700 XT")).predictedMs;
    expect(one).toBeLessThan(ms("RX 5700 XT"));
  });
});
