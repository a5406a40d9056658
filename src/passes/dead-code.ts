import { type Node, type TypedGraph, valuesRead } from "../graph/index.ts";
import { opOf } from "../ops/evaluate.ts";

/**
 * Removes nodes and constants that no output depends on, and optional outputs that nobody reads
 * (Dropout's mask, say). Graph inputs and outputs stay.
 */
export function removeDeadCode(graph: TypedGraph): TypedGraph {
  const live = new Set(graph.outputs.map((o) => o.name));
  const nodes: Node[] = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!node.outputs.some((name) => live.has(name))) continue;
    for (const name of valuesRead(node)) live.add(name);
    nodes.push(withoutUnreadOutputs(node, live));
  }
  nodes.reverse();
  for (const input of graph.inputs) live.add(input.name);
  for (const node of nodes) for (const name of node.outputs) live.add(name);
  return {
    ...graph,
    nodes,
    constants: new Map([...graph.constants].filter(([name]) => live.has(name))),
    types: new Map([...graph.types].filter(([name]) => live.has(name))),
  };
}

/** Operators of any number of outputs (Split) keep them all: their count has a meaning. */
function withoutUnreadOutputs(node: Node, live: ReadonlySet<string>): Node {
  const [least, most] = opOf(node).outputs ?? [1, 1];
  if (!Number.isFinite(most)) return node;
  let count = node.outputs.length;
  while (count > least && !live.has(node.outputs[count - 1]!)) count--;
  return count === node.outputs.length ? node : { ...node, outputs: node.outputs.slice(0, count) };
}
