import type { Graph } from "../../graph/index.ts";
import { flopOfNode } from "../../ops/flop.ts";
import { resolve } from "../../passes/index.ts";
import { isFloat } from "../../tensor/index.ts";

/** How large a network is. */
export interface NetworkSize {
  /** Trained numbers: weights and biases, without the running statistics of normalization. */
  readonly parameters: number;
  /**
   * Floating-point operations of one run: two for each multiplication and addition of
   * convolutions and matrix products, which is what papers count (as half as many "MACs").
   */
  readonly flop: number;
}

/** Counts the parameters of a network, and its operations with free dimensions set to 1. */
export function sizeOfNetwork(graph: Graph): NetworkSize {
  const shapes = graph.inputs.map(
    ({ name, dims }) => [name, dims.map((d) => (typeof d === "number" ? d : 1))] as const,
  );
  const typed = resolve(graph, new Map(shapes));
  return {
    parameters: parametersOf(graph),
    flop: typed.nodes.reduce(
      (sum, node) => sum + flopOfNode(node, (name) => typed.types.get(name)),
      0,
    ),
  };
}

function parametersOf(graph: Graph): number {
  const statistics = new Set(
    graph.nodes.flatMap((n) => (n.op === "BatchNormalization" ? n.inputs.slice(3) : [])),
  );
  let count = 0;
  for (const [name, tensor] of graph.constants) {
    if (isFloat(tensor.dtype) && !statistics.has(name)) count += tensor.size;
  }
  return count;
}
