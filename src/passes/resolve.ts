import type { Graph, Node, TensorType, TypedGraph } from "../graph/index.ts";
import { unsupportedError, unsupportedNodes } from "../onnx/index.ts";
import { evaluateNode, inferNode, opOf, parseAttributes } from "../ops/evaluate.ts";
import { ops } from "../ops/index.ts";
import { bytesPerElement, type Shape, sizeOf, Tensor } from "../tensor/index.ts";
import { bindDimensions } from "./bind-dimensions.ts";
import { removeDeadCode } from "./dead-code.ts";

/** A folded constant may be this large, or as large as what it is computed from. */
const foldedBytesMax = 16 * 2 ** 20;

/**
 * Finds the type of every value, given the shapes of the inputs, and computes at once what does
 * not depend on the inputs' numbers, so that shape arithmetic disappears.
 *
 * Throws "input-name" and "input-shape" (see `bindDimensions`), "model-unsupported" with all
 * operators that are not known, and "model-invalid", naming the node, where its inputs do not fit
 * together.
 *
 * @example const typed = resolve(graph, new Map([["x", [1, 3, 224, 224]]]));
 */
export function resolve(graph: Graph, shapes: ReadonlyMap<string, Shape>): TypedGraph {
  bindDimensions(graph, shapes);
  const unknown = unsupportedNodes(graph, ops);
  if (unknown.length > 0) throw unsupportedError(unknown);
  const types = new Map<string, TensorType>();
  const constants = new Map(graph.constants);
  for (const [name, { dtype, dims }] of constants) types.set(name, { dtype, dims });
  for (const { name, dtype } of graph.inputs) types.set(name, { dtype, dims: shapes.get(name)! });
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const outputs = inferNode(
      node,
      node.inputs.map((name) => types.get(name)),
      node.inputs.map((name) => constants.get(name)),
    );
    const folded = fold(node, outputs, types, constants);
    node.outputs.forEach((name, i) => {
      if (name === "" || !outputs[i]) return;
      types.set(name, outputs[i]);
      if (folded) constants.set(name, folded[i]!);
    });
    if (!folded) nodes.push(node);
  }
  return removeDeadCode({ ...graph, nodes, constants, types });
}

function fold(
  node: Node,
  outputs: readonly TensorType[],
  types: ReadonlyMap<string, TensorType>,
  constants: ReadonlyMap<string, Tensor>,
): readonly Tensor[] | undefined {
  const given = node.inputs.filter((name) => name !== "");
  const limit = Math.max(foldedBytesMax, totalBytes(given.map((name) => types.get(name)!)));
  if (totalBytes(outputs) > limit) return undefined;
  if (opOf(node).traits.dependsOnTypeOnly) return evaluateFromTypes(node, outputs, types);
  if (!given.every((name) => constants.has(name))) return undefined;
  const inputs = node.inputs.map((name) => constants.get(name));
  return evaluateNode(node, inputs, outputs, (name) => constants.get(name)!);
}

function evaluateFromTypes(
  node: Node,
  outputs: readonly TensorType[],
  types: ReadonlyMap<string, TensorType>,
): Tensor[] {
  const op = opOf(node);
  const inputs = node.inputs.map((name) => {
    const type = types.get(name);
    return type && { dims: type.dims, data: new Float64Array(0) };
  });
  const results = op.reference(inputs, parseAttributes(op, node.attributes, node.name), outputs);
  return outputs.map(({ dtype, dims }, i) => Tensor.from(dtype, results[i]!, dims));
}

function totalBytes(types: readonly TensorType[]): number {
  return types.reduce((sum, t) => sum + sizeOf(t.dims) * bytesPerElement(t.dtype), 0);
}
