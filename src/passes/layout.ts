import { type Node, type TypedGraph, valuesRead } from "../graph/index.ts";
import { evaluateNode, opOf, parseAttributes } from "../ops/evaluate.ts";
import { sizeOf, type Tensor } from "../tensor/index.ts";
import { removeDeadCode } from "./dead-code.ts";
import { channelsFirst, channelsLast, chooseChannelsLast, pictureInputs } from "./layout-choice.ts";
import { reshapeNode, Surroundings } from "./rewrite.ts";

/**
 * Holds pictures channels-last (NHWC) inside: kernels then read neighbouring channels together.
 * Values cross between the two orders through Transpose nodes, at most one for each value;
 * `chooseChannelsLast` keeps them few. Graph inputs and outputs keep their order.
 */
export function toChannelsLast(graph: TypedGraph): TypedGraph {
  const chosen = chooseChannelsLast(graph);
  if (chosen.size === 0) return graph;
  const layout = new LayoutBuilder(graph);
  for (const node of graph.nodes) {
    if (chosen.has(node)) layout.addLast(node);
    else layout.addFirst(node);
  }
  return layout.finish();
}

/** Emits nodes in order, transposing values where a reader needs the other order. */
class LayoutBuilder {
  private readonly graph: TypedGraph;
  private readonly around: Surroundings;
  private readonly nodes: Node[] = [];
  /** The channels-last twin of a value. */
  private readonly twins = new Map<string, string>();
  /** Values that only their twin holds so far. */
  private readonly twinOnly = new Set<string>();

  constructor(graph: TypedGraph) {
    this.graph = graph;
    this.around = new Surroundings(graph);
  }

  /** Emits a node as it is. */
  addFirst(node: Node): void {
    for (const name of valuesRead(node)) this.needFirst(name);
    this.nodes.push(node);
  }

  /** Emits a node that reads and computes channels-last data. */
  addLast(node: Node): void {
    const op = opOf(node);
    const rank = this.around.typeOf(node.outputs[0]!).dims.length;
    const pictures = new Set(pictureInputs(node, this.graph));
    const inputs = node.inputs.map((name, i) => {
      if (pictures.has(i)) return this.asLast(name, rank);
      this.needFirst(name);
      return name;
    });
    let attributes = node.attributes;
    if (op.traits.layout === "spatial") attributes = { ...attributes, layout: "NHWC" };
    if (op.traits.layout === "axes") {
      const permuted = op.permuteAxes!({
        permutation: channelsLast(rank),
        attributes: parseAttributes(op, node.attributes, node.name),
        constants: node.inputs.map((name) => this.around.constantOf(name)),
      })!;
      attributes = { ...attributes, ...permuted.attributes };
      for (const [i, tensor] of permuted.constants ?? []) {
        inputs[i] = this.around.addConstant(`${node.inputs[i]}:last`, tensor);
      }
    }
    const outputs = node.outputs.map((name) => this.addTwin(name));
    for (const name of node.outputs) this.twinOnly.add(name);
    this.nodes.push({ ...node, inputs, outputs, attributes });
  }

  finish(): TypedGraph {
    for (const { name } of this.graph.outputs) this.needFirst(name);
    return removeDeadCode(this.around.close(this.graph, this.nodes));
  }

  /** Makes sure that a value exists in its original order. */
  private needFirst(name: string): void {
    if (!this.twinOnly.delete(name)) return;
    const perm = channelsFirst(this.around.typeOf(name).dims.length);
    this.nodes.push(transposeNode(this.twins.get(name)!, name, perm));
  }

  /** The channels-last form of a value, seen with `rank` axes. */
  private asLast(name: string, rank: number): string {
    const known = this.twins.get(name);
    const { dtype, dims } = this.around.typeOf(name);
    // What has one element is broadcast along any axis.
    if (sizeOf(dims) === 1 && dims.length < rank) return name;
    if (dims.length === rank && known !== undefined) return known;
    const constant = this.around.constantOf(name);
    const wide = [...new Array<number>(rank - dims.length).fill(1), ...dims];
    if (constant) {
      const twin = transposed(constant.reshape(wide), channelsLast(rank));
      return this.remember(name, rank, this.around.addConstant(`${name}:last`, twin));
    }
    let source = name;
    if (dims.length < rank) {
      this.needFirst(name);
      source = this.around.addValue(`${name}:wide`, { dtype, dims: wide });
      this.nodes.push(reshapeNode(`${name}:wide`, name, source, this.around));
    }
    const twin = dims.length < rank ? this.addValueLast(source) : this.addTwin(name);
    this.nodes.push(transposeNode(source, twin, channelsLast(rank)));
    return twin;
  }

  private remember(name: string, rank: number, twin: string): string {
    if (this.around.typeOf(name).dims.length === rank) this.twins.set(name, twin);
    return twin;
  }

  private addTwin(name: string): string {
    const twin = this.addValueLast(name);
    this.twins.set(name, twin);
    return twin;
  }

  /** Names a value that holds another one channels-last. */
  private addValueLast(name: string): string {
    const { dtype, dims } = this.around.typeOf(name);
    const order = channelsLast(dims.length);
    return this.around.addValue(`${name}:last`, { dtype, dims: order.map((axis) => dims[axis]!) });
  }
}

function transposeNode(from: string, to: string, perm: readonly number[]): Node {
  return {
    name: `${to}:transpose`,
    op: "Transpose",
    inputs: [from],
    outputs: [to],
    attributes: { perm },
  };
}

function transposed(tensor: Tensor, perm: readonly number[]): Tensor {
  const dims = perm.map((axis) => tensor.dims[axis]!);
  const node = transposeNode("x", "y", perm);
  const never = (name: string): Tensor => {
    throw new Error(`no operand ${name}`);
  };
  return evaluateNode(node, [tensor], [{ dtype: tensor.dtype, dims }], never)[0]!;
}
