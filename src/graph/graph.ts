import type { DType, Shape, Tensor } from "../tensor/index.ts";

/** A size that is known, or the name of one that is not known yet (a batch "N", say). */
export type Dim = number | string;

/** Type and shape of a value whose sizes are all known. */
export interface TensorType {
  readonly dtype: DType;
  readonly dims: Shape;
}

export interface GraphInput {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly Dim[];
}

/** A graph input or output as users see it. `dims` is undefined where the model does not say. */
export interface GraphOutput {
  readonly name: string;
  readonly dtype?: DType;
  readonly dims?: readonly Dim[];
}

export type AttributeValue = number | string | readonly number[] | readonly string[] | Tensor;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/**
 * A pointwise step applied to a node's first output before it is stored, so that it costs no
 * memory traffic: `op(value)` or `op(value, operand)`; `operandFirst` gives `op(operand, value)`.
 * The operand is broadcast to the node's output.
 */
export interface EpilogueStep {
  readonly op: string;
  readonly attributes: Attributes;
  readonly operand?: string;
  readonly operandFirst?: boolean;
}

/** One operator application. Values are known by name; "" stands for an input that is left out. */
export interface Node {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
  readonly epilogue?: readonly EpilogueStep[];
}

/** A network: nodes in an order in which every value is computed before it is read. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly GraphOutput[];
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, Tensor>;
}

/** A graph whose every value has a known type: what passes and the planner work on. */
export interface TypedGraph extends Graph {
  readonly types: ReadonlyMap<string, TensorType>;
}

/** Every value that a node reads: its inputs, without those left out, and epilogue operands. */
export function valuesRead(node: Node): string[] {
  const operands = (node.epilogue ?? []).flatMap((s) => (s.operand === undefined ? [] : s.operand));
  return [...node.inputs.filter((name) => name !== ""), ...operands];
}

/** How often each value is read by nodes; a graph output counts as one more reader. */
export function countReaders(graph: Graph): Map<string, number> {
  const readers = new Map<string, number>();
  const add = (name: string) => readers.set(name, (readers.get(name) ?? 0) + 1);
  for (const node of graph.nodes) valuesRead(node).forEach(add);
  for (const output of graph.outputs) add(output.name);
  return readers;
}

/** Maps each value to the node that computes it. */
export function producersOf(graph: Graph): Map<string, Node> {
  const producers = new Map<string, Node>();
  for (const node of graph.nodes) for (const name of node.outputs) producers.set(name, node);
  return producers;
}

/** `base`, or `base_1`, `base_2`, ...: the first that `taken` does not hold. */
export function freshName(base: string, taken: { has(name: string): boolean }): string {
  if (!taken.has(base)) return base;
  for (let i = 1; ; i++) if (!taken.has(`${base}_${i}`)) return `${base}_${i}`;
}
