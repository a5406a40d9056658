import { expect } from "vitest";
import type {
  Attributes,
  Dim,
  Graph,
  GraphInput,
  Node,
  TensorType,
  TypedGraph,
} from "../src/graph/index.ts";
import { inferNode } from "../src/ops/evaluate.ts";
import { evaluateGraph, resolve } from "../src/passes/index.ts";
import { type DType, type Shape, sizeOf, Tensor } from "../src/tensor/index.ts";
import { expectClose, seeded } from "./cases.ts";

/** Builds small graphs for tests; every method returns the name of the new value. */
export class GraphBuilder {
  private readonly inputs: GraphInput[] = [];
  private readonly nodes: Node[] = [];
  private readonly constants = new Map<string, Tensor>();
  private readonly next = seeded(7);
  private readonly types = new Map<string, TensorType>();
  private count = 0;

  input(name: string, dims: readonly Dim[], dtype: DType = "float32"): string {
    this.inputs.push({ name, dtype, dims });
    this.types.set(name, { dtype, dims: dims.map(Number) });
    return name;
  }

  constant(dims: Shape, values: readonly number[], dtype: DType = "float32"): string {
    const name = `c${this.count++}`;
    this.constants.set(name, Tensor.from(dtype, values, dims));
    this.types.set(name, { dtype, dims });
    return name;
  }

  /** A one-dimensional int64 constant: a shape, axes, pads. */
  ints(...values: number[]): string {
    return this.constant([values.length], values, "int64");
  }

  /** A constant of random numbers in [low, high). */
  weight(dims: Shape, low = -1, high = 1): string {
    const values = Array.from({ length: sizeOf(dims) }, () => low + (high - low) * this.next());
    return this.constant(dims, values);
  }

  op(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.ops(op, inputs, 1, attributes)[0]!;
  }

  /** A node of several outputs. */
  ops(op: string, inputs: readonly string[], outputs: number, attributes: Attributes = {}) {
    const name = `${op}${this.count++}`;
    const names = Array.from({ length: outputs }, (_, i) => (i === 0 ? name : `${name}:${i}`));
    this.nodes.push({ name, op, inputs, outputs: names, attributes });
    return names;
  }

  /** The dims of a value, where those of all inputs are fixed. */
  dims(name: string): Shape {
    while (!this.types.has(name)) {
      const node = this.nodes.find((n) => n.outputs.some((o) => !this.types.has(o)))!;
      const constants = node.inputs.map((n) => this.constants.get(n));
      const types = node.inputs.map((n) => this.types.get(n));
      const inferred = inferNode(node, types, constants);
      for (const [i, output] of node.outputs.entries()) this.types.set(output, inferred[i]!);
    }
    return this.types.get(name)!.dims;
  }

  graph(...outputs: string[]): Graph {
    return {
      name: "test",
      inputs: this.inputs,
      outputs: outputs.map((name) => ({ name })),
      nodes: this.nodes,
      constants: this.constants,
    };
  }

  /** The graph with types, where all input sizes are fixed. */
  typed(...outputs: string[]): TypedGraph {
    const shapes = new Map(this.inputs.map((i) => [i.name, i.dims as Shape]));
    return resolve(this.graph(...outputs), shapes);
  }
}

/** A node as text, with its epilogue: "Conv+Add+Relu". */
export function show(node: Node): string {
  return [node.op, ...(node.epilogue ?? []).map((s) => s.op)].join("+");
}

export function opsOf(graph: Graph): string[] {
  return graph.nodes.map(show);
}

/** Random values for every input of a graph. */
export function randomFeeds(graph: TypedGraph, seed = 3): Map<string, Tensor> {
  const next = seeded(seed);
  return new Map(
    graph.inputs.map(({ name, dtype }) => {
      const { dims } = graph.types.get(name)!;
      const values = Float64Array.from({ length: sizeOf(dims) }, () => 2 * next() - 1);
      return [name, Tensor.from(dtype, values, dims)];
    }),
  );
}

/** Fails unless both graphs compute the same outputs from the same random inputs. */
export function expectSameResults(after: TypedGraph, before: TypedGraph, tolerance = 1e-6): void {
  const feeds = randomFeeds(before);
  const expected = evaluateGraph(before, feeds, { exact: true });
  const actual = evaluateGraph(after, feeds, { exact: true });
  for (const [name, tensor] of expected) expectClose(actual.get(name)!, tensor, tolerance);
}

/** Fails unless values are computed before they are read, and have the types that nodes give. */
export function expectValid(graph: TypedGraph): void {
  const known = new Set([...graph.inputs.map((i) => i.name), ...graph.constants.keys()]);
  const problems: string[] = [];
  for (const node of graph.nodes) {
    const operands = (node.epilogue ?? []).flatMap((s) => s.operand ?? []);
    for (const name of [...node.inputs, ...operands]) {
      if (name !== "" && !known.has(name)) problems.push(`${node.name} reads ${name} too early`);
    }
    const inferred = inferNode(
      node,
      node.inputs.map((name) => graph.types.get(name)),
      node.inputs.map((name) => graph.constants.get(name)),
    );
    node.outputs.forEach((name, i) => {
      expect(graph.types.get(name), `type of ${name}`).toEqual(inferred[i]);
    });
    for (const name of node.outputs) {
      if (known.has(name)) problems.push(`${name} is computed twice`);
      known.add(name);
    }
  }
  for (const { name } of graph.outputs) if (!known.has(name)) problems.push(`no output ${name}`);
  for (const name of known) if (!graph.types.has(name)) problems.push(`${name} has no type`);
  if (problems.length > 0) throw new Error(problems.join("\n"));
}
