import {
  countReaders,
  type EpilogueStep,
  type Node,
  type TypedGraph,
  valuesRead,
} from "../graph/index.ts";
import { opOf } from "../ops/evaluate.ts";
import { isFloat, sameShape } from "../tensor/index.ts";

/** Every operand is one more buffer, and WebGPU grants eight to a shader by default. */
const operandsMax = 3;
const valuesReadMax = 6;

/**
 * Fuses a pointwise node into the node that computes one of its arguments, where nothing else
 * reads that value: bias, residual sum and activation are then applied before the result is
 * stored. The fused node takes the reader's place in the order, where all operands are known;
 * of two possible producers the later one is taken, which shortens the lives of values.
 */
export function fuseEpilogues(graph: TypedGraph): TypedGraph {
  const readers = countReaders(graph);
  const nodes = new Set<Node>();
  const producers = new Map<string, Node>();
  const order = new Map<Node, number>();
  const canTake = (name: string, step: Node): Node | undefined => {
    const producer = producers.get(name);
    return producer && readers.get(name) === 1 && accepts(producer, name, step, graph)
      ? producer
      : undefined;
  };
  graph.nodes.forEach((node, position) => {
    let fused = node;
    if (isStep(node)) {
      const found = node.inputs
        .flatMap((name, i) => ({ producer: canTake(name, node), i }))
        .filter((c) => c.producer !== undefined)
        .sort((a, b) => order.get(b.producer!)! - order.get(a.producer!)!)[0];
      if (found) {
        nodes.delete(found.producer!);
        fused = withStep(found.producer!, node, found.i);
      }
    }
    nodes.add(fused);
    order.set(fused, position);
    for (const name of fused.outputs) producers.set(name, fused);
  });
  const types = new Map(graph.types);
  const computed = new Set([...nodes].flatMap((n) => n.outputs));
  for (const { outputs } of graph.nodes) {
    for (const name of outputs) if (!computed.has(name)) types.delete(name);
  }
  return { ...graph, nodes: [...nodes], types };
}

function isStep(node: Node): boolean {
  return (
    opOf(node).traits.pointwise !== undefined &&
    node.inputs.length <= 2 &&
    node.inputs.every((name) => name !== "") &&
    node.outputs.length === 1 &&
    node.epilogue === undefined
  );
}

function accepts(producer: Node, value: string, step: Node, graph: TypedGraph): boolean {
  if (!opOf(producer).traits.acceptsEpilogue) return false;
  if (producer.outputs.length !== 1) return false;
  const from = graph.types.get(value)!;
  const to = graph.types.get(step.outputs[0]!)!;
  if (!isFloat(from.dtype) || from.dtype !== to.dtype || !sameShape(from.dims, to.dims)) {
    return false;
  }
  if (step.inputs.length === 1) return true;
  const operand = graph.types.get(step.inputs[step.inputs[0] === value ? 1 : 0]!)!;
  const operands = (producer.epilogue ?? []).filter((s) => s.operand !== undefined).length;
  return (
    isFloat(operand.dtype) &&
    operands < operandsMax &&
    new Set(valuesRead(producer)).size < valuesReadMax
  );
}

function withStep(producer: Node, node: Node, argument: number): Node {
  const operand = node.inputs[1 - argument];
  const step: EpilogueStep = {
    op: node.op,
    attributes: node.attributes,
    ...(operand !== undefined && { operand }),
    // Where the order does not matter it is always the same, so that shaders are shared.
    ...(argument === 1 && !opOf(node).traits.isCommutative && { operandFirst: true }),
  };
  return {
    ...producer,
    outputs: node.outputs,
    epilogue: [...(producer.epilogue ?? []), step],
  };
}
