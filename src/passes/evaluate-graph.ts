import { RekindleError } from "../errors.ts";
import type { TensorType, TypedGraph } from "../graph/index.ts";
import { evaluateNode } from "../ops/evaluate.ts";
import type { Tensor } from "../tensor/index.ts";

export interface EvaluateOptions {
  /** Keeps every float32 and float16 value that nodes compute in float64, without rounding. */
  readonly exact?: boolean;
}

/**
 * Computes a graph's outputs with the references: plain loops in float64, one node after the
 * other. Slow, and the oracle for passes, kernels and sessions.
 *
 * @example const outputs = evaluateGraph(graph, new Map([["x", picture]]));
 */
export function evaluateGraph(
  graph: TypedGraph,
  feeds: ReadonlyMap<string, Tensor>,
  options: EvaluateOptions = {},
): Map<string, Tensor> {
  const values = new Map<string, Tensor>([...graph.constants, ...feeds]);
  const lookUp = (name: string): Tensor => {
    const value = values.get(name);
    if (value) return value;
    throw new RekindleError("input-name", `no value for "${name}"`, {
      fix: "feed every input of the graph",
    });
  };
  for (const node of graph.nodes) {
    const types = node.outputs.map((name) => storedType(graph.types.get(name)!, options));
    const inputs = node.inputs.map((name) => (name === "" ? undefined : lookUp(name)));
    evaluateNode(node, inputs, types, lookUp).forEach((tensor, i) => {
      values.set(node.outputs[i]!, tensor);
    });
  }
  return new Map(
    graph.outputs.map(({ name }) => [name, lookUp(name).cast(graph.types.get(name)!.dtype)]),
  );
}

function storedType(type: TensorType, options: EvaluateOptions): TensorType {
  const rounds = type.dtype === "float32" || type.dtype === "float16";
  return options.exact && rounds ? { dtype: "float64", dims: type.dims } : type;
}
