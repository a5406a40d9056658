import {
  countReaders,
  freshName,
  type Node,
  producersOf,
  type TensorType,
  type TypedGraph,
} from "../graph/index.ts";
import { Tensor } from "../tensor/index.ts";
import { removeDeadCode } from "./dead-code.ts";

/**
 * Looks at one node and returns what computes the same outputs: nodes (their last ones define the
 * node's output names), the name of a value that equals the only output, or undefined to keep it.
 * Nodes that are no longer read are removed afterwards, so a rule need not care for them.
 */
export type Rule = (node: Node, around: Surroundings) => readonly Node[] | string | undefined;

/** What a rule may ask, and add, while a graph is rewritten. */
export class Surroundings {
  private readonly types: Map<string, TensorType>;
  private readonly constants: Map<string, Tensor>;
  private readonly readers: ReadonlyMap<string, number>;
  private readonly outputs: ReadonlySet<string>;
  private producers: Map<string, Node>;

  constructor(graph: TypedGraph) {
    this.types = new Map(graph.types);
    this.constants = new Map(graph.constants);
    this.readers = countReaders(graph);
    this.outputs = new Set(graph.outputs.map((o) => o.name));
    this.producers = producersOf(graph);
  }

  /** The node, already rewritten, that computes a value; undefined for inputs and constants. */
  producerOf(name: string): Node | undefined {
    return this.producers.get(name);
  }

  /** The producer of a value that nothing else reads: free to be merged into its reader. */
  soleProducerOf(name: string): Node | undefined {
    return this.readers.get(name) === 1 ? this.producers.get(name) : undefined;
  }

  constantOf(name: string): Tensor | undefined {
    return this.constants.get(name);
  }

  typeOf(name: string): TensorType {
    return this.types.get(name)!;
  }

  isOutput(name: string): boolean {
    return this.outputs.has(name);
  }

  /** Adds a constant under a free name near `base`. */
  addConstant(base: string, tensor: Tensor): string {
    const name = this.addValue(base, tensor);
    this.constants.set(name, tensor);
    return name;
  }

  /** Names a value that a new node will compute. */
  addValue(base: string, { dtype, dims }: TensorType): string {
    const name = freshName(base, this.types);
    this.types.set(name, { dtype, dims });
    return name;
  }

  /** For the driver: notes what nodes compute. */
  note(nodes: readonly Node[]): void {
    for (const node of nodes) for (const name of node.outputs) this.producers.set(name, node);
  }

  /** For the driver: the graph around `nodes`. */
  close(graph: TypedGraph, nodes: readonly Node[]): TypedGraph {
    return { ...graph, nodes, constants: this.constants, types: this.types };
  }
}

/** Applies a rule to every node once, in order; a rule sees what became of earlier nodes. */
export function rewrite(graph: TypedGraph, rule: Rule): TypedGraph {
  const around = new Surroundings(graph);
  const renames = new Map<string, string>();
  let nodes: Node[] = [];
  for (const original of graph.nodes) {
    const node = renameValues(original, renames);
    const result = rule(node, around);
    if (typeof result === "string") {
      const output = node.outputs[0]!;
      if (!around.isOutput(output)) {
        renames.set(output, result);
        continue;
      }
      // A graph output keeps its name: the node that computes the equal value takes it over.
      if (around.producerOf(result) && !around.isOutput(result)) {
        renames.set(result, output);
        nodes = nodes.map((n) => renameValues(n, renames));
        around.note(nodes);
        continue;
      }
    }
    const replacement = result === undefined || typeof result === "string" ? [node] : result;
    nodes.push(...replacement);
    around.note(replacement);
  }
  return removeDeadCode(around.close(graph, nodes));
}

/** The node with its inputs, outputs and operands renamed. */
function renameValues(node: Node, renames: ReadonlyMap<string, string>): Node {
  if (renames.size === 0) return node;
  const rename = (name: string): string => {
    const next = renames.get(name);
    return next === undefined ? name : rename(next);
  };
  return {
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    ...(node.epilogue && {
      epilogue: node.epilogue.map((step) =>
        step.operand === undefined ? step : { ...step, operand: rename(step.operand) },
      ),
    }),
  };
}

/** A node that shows `input` under the shape `dims`, as the value `output`. */
export function reshapeNode(
  name: string,
  input: string,
  output: string,
  around: Surroundings,
): Node {
  const { dims } = around.typeOf(output);
  const shape = around.addConstant(`${output}:shape`, Tensor.from("int64", dims, [dims.length]));
  return { name, op: "Reshape", inputs: [input, shape], outputs: [output], attributes: {} };
}
