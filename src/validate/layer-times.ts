import type { LayerTime, ModelTime } from "../bench/index.ts";
import type { Graph } from "../graph/index.ts";
import type { MeasuredTime } from "./criteria.ts";
import { classOf } from "./plan.ts";

/** A model's time on the device and those of its layers, each with its class. */
export function timesOfModel(measured: ModelTime, graph: Graph): MeasuredTime[] {
  const { name, batch, onDeviceMs, wholeMs, boundMs = 0, layers = [] } = measured;
  const model: MeasuredTime = { what: "model", name, batch, ms: onDeviceMs ?? wholeMs, boundMs };
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  const own = layers
    .filter(({ flop }) => flop > 0)
    .map(
      (layer): MeasuredTime => ({
        what: "layer",
        name: `${name}/${layer.name}`,
        class: classOfLayer(layer),
        batch,
        ms: layer.ms,
        boundMs: layer.boundMs,
      }),
    );
  return [model, ...own];

  function classOfLayer({ name: node, op }: LayerTime): string {
    const found = nodes.get(node);
    const weights = graph.constants.get(found?.inputs[1] ?? "");
    if (op === "ConvTranspose") return "transposed";
    if (op !== "Conv" || !weights) return "matrix products";
    const [K, perGroup, R, S] = weights.dims as [number, number, number, number];
    const G = Number(found?.attributes.group ?? 1);
    return classOf({ R, S, C: perGroup * G, G: perGroup === 1 && G === K ? K : G });
  }
}
