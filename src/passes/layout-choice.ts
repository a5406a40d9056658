import { type Node, type TypedGraph, valuesRead } from "../graph/index.ts";
import { opOf, parseAttributes } from "../ops/evaluate.ts";
import { type Shape, sizeOf } from "../tensor/index.ts";
import { type Edge, minimumCut } from "./min-cut.ts";
import { keepsMemory } from "./reorder.ts";

/** The order of axes that puts channels last: [0, 2, 3, 1] for pictures. */
export function channelsLast(rank: number): number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
}

/** The inverse: [0, 3, 1, 2] for pictures. */
export function channelsFirst(rank: number): number[] {
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
}

/** The inputs of a node that are held channels-last when the node is. */
export function pictureInputs(node: Node, graph: TypedGraph): number[] {
  const kind = opOf(node).traits.layout;
  if (kind === "spatial") return [0];
  const all = [...node.inputs.keys()].filter((i) => node.inputs[i] !== "");
  if (kind === "pointwise") return all;
  const rank = rankOf(node.inputs[0]!, graph);
  return all.filter((i) => rankOf(node.inputs[i]!, graph) === rank);
}

/**
 * Which nodes compute on channels-last data. Those of trait "spatial" do; those that can do either
 * way are assigned so that the fewest elements are transposed: every value whose producer and
 * readers disagree costs its size, which makes the best assignment a minimum cut.
 */
export function chooseChannelsLast(graph: TypedGraph): Set<Node> {
  const [last, first] = [0, 1];
  const vertexOf = new Map<Node, number>();
  let vertices = 2;
  const kinds = new Map(graph.nodes.map((node) => [node, kindOf(node, graph)]));
  for (const [node, kind] of kinds) {
    vertexOf.set(node, kind === "free" ? vertices++ : kind === "last" ? last : first);
  }
  const edges: Edge[] = [];
  for (const [value, members] of membersByValue(graph, vertexOf)) {
    const { dims } = graph.types.get(value)!;
    const [all, any] = [vertices++, vertices++];
    edges.push({ from: any, to: all, capacity: costOf(value, dims, graph) });
    for (const m of members) {
      edges.push({ from: m, to: any, capacity: Number.POSITIVE_INFINITY });
      edges.push({ from: all, to: m, capacity: Number.POSITIVE_INFINITY });
    }
  }
  const side = minimumCut(vertices, edges);
  return new Set(graph.nodes.filter((node) => side.has(vertexOf.get(node)!)));
}

/** For every value that may be held either way: its producer and the readers that care. */
function membersByValue(graph: TypedGraph, vertexOf: ReadonlyMap<Node, number>) {
  const first = 1;
  const members = new Map<string, Set<number>>();
  const add = (name: string, vertex: number) => {
    const set = members.get(name);
    if (set) set.add(vertex);
    else if (rankOf(name, graph) >= 3 && !graph.constants.has(name)) {
      members.set(name, new Set([vertex]));
    }
  };
  for (const { name } of [...graph.inputs, ...graph.outputs]) add(name, first);
  for (const node of graph.nodes) {
    for (const name of node.outputs) add(name, vertexOf.get(node)!);
    const rank = rankOf(node.outputs[0]!, graph);
    const pictures = new Set(pictureInputs(node, graph).map((i) => node.inputs[i]!));
    for (const name of valuesRead(node)) {
      // Transposes meet a Transpose of the model and become one with it.
      if (node.op === "Transpose") continue;
      const follows = pictures.has(name) && rankOf(name, graph) === rank;
      add(name, follows ? vertexOf.get(node)! : first);
    }
  }
  return members;
}

function costOf(value: string, dims: Shape, graph: TypedGraph): number {
  const producer = graph.nodes.find((node) => node.outputs.includes(value));
  const isFree = keepsMemory(channelsLast(dims.length), dims) || producer?.op === "Transpose";
  return isFree ? 1 : 1 + sizeOf(dims);
}

/** Whether a node must be, can be or cannot be computed on channels-last data. */
function kindOf(node: Node, graph: TypedGraph): "last" | "free" | "first" {
  const op = opOf(node);
  const rank = rankOf(node.outputs[0]!, graph);
  const others = node.outputs.slice(1);
  if (node.epilogue || rank < 3 || others.some((n) => rankOf(n, graph) !== rank)) return "first";
  if (node.op === "Transpose") return "first";
  if (op.traits.layout === "pointwise") return "free";
  if (node.inputs[0] === "" || rankOf(node.inputs[0]!, graph) !== rank) return "first";
  const attributes = parseAttributes(op, node.attributes, node.name);
  if (op.traits.layout === "spatial") {
    return attributes.layout === "NCHW" && others.length === 0 ? "last" : "first";
  }
  if (op.traits.layout !== "axes" || !op.permuteAxes) return "first";
  const pictures = new Set(pictureInputs(node, graph));
  const constants = node.inputs.map((name) => graph.constants.get(name));
  const allKnown = node.inputs.every((n, i) => n === "" || pictures.has(i) || constants[i]);
  const request = { permutation: channelsLast(rank), attributes, constants };
  return allKnown && op.permuteAxes(request) ? "free" : "first";
}

function rankOf(name: string, graph: TypedGraph): number {
  return graph.types.get(name)?.dims.length ?? 0;
}
