import { type Node, type TypedGraph, valuesRead } from "../graph/index.ts";
import type { Kernel, Place, Problem } from "../kernels/kernel.ts";
import { placesAlong, placeWithin } from "../kernels/place.ts";
import { opOf } from "../ops/evaluate.ts";
import { normalizeAxis } from "../tensor/index.ts";

/** Which value's memory each value shows: its own, or that of the one it is a view or a part of. */
export interface Placement {
  readonly rootOf: (name: string) => string;
  /** Where a value lies in its root's memory; undefined: it is the root, or a view of all of it. */
  readonly placeOf: (name: string) => Place | undefined;
}

/** Maps every view to the value whose memory it shows: an input, a constant or a computed one. */
function viewedValues(graph: TypedGraph): Map<string, string> {
  const roots = new Map<string, string>();
  for (const node of graph.nodes) {
    if (!opOf(node).traits.isView) continue;
    const source = node.inputs[0]!;
    roots.set(node.outputs[0]!, roots.get(source) ?? source);
  }
  return roots;
}

/**
 * Decides which inputs of joins (Concat) are written where they belong in the output, so that
 * nothing has to copy them. The kernels of all who write or read such a value must understand it
 * (`placed`), and no node may read and write the memory of one root: WebGPU forbids that.
 */
export function placeValues(graph: TypedGraph, kernels: ReadonlyMap<Node, Kernel>): Placement {
  const placer = new Placer(graph, kernels);
  // Outer joins first: their outputs' places are known when those of their inputs are chosen.
  for (const node of [...graph.nodes].reverse()) placer.placeInputsOf(node);
  return placer;
}

class Placer implements Placement {
  private readonly graph: TypedGraph;
  private readonly kernels: ReadonlyMap<Node, Kernel>;
  private readonly viewed: ReadonlyMap<string, string>;
  private readonly producers = new Map<string, Node>();
  private readonly readers = new Map<string, Node[]>();
  private readonly outputs: ReadonlySet<string>;
  private readonly placed = new Map<string, { readonly root: string; readonly place: Place }>();

  constructor(graph: TypedGraph, kernels: ReadonlyMap<Node, Kernel>) {
    this.graph = graph;
    this.kernels = kernels;
    this.viewed = viewedValues(graph);
    this.outputs = new Set(graph.outputs.map(({ name }) => name));
    for (const node of graph.nodes) {
      for (const name of node.outputs) this.producers.set(name, node);
      for (const name of new Set(valuesRead(node))) {
        const known = this.readers.get(name);
        if (known) known.push(node);
        else this.readers.set(name, [node]);
      }
    }
  }

  rootOf = (name: string): string => {
    const value = this.viewed.get(name) ?? name;
    return this.placed.get(value)?.root ?? value;
  };

  placeOf = (name: string): Place | undefined => this.placed.get(name)?.place;

  placeInputsOf(node: Node): void {
    if (!opOf(node).traits.isJoin || this.kernels.get(node)?.placed?.inputs !== "all") return;
    const whole = node.outputs[0]!;
    const shapes = node.inputs.map((name) => this.graph.types.get(name)!.dims);
    const axis = normalizeAxis(node.attributes.axis as number, shapes[0]!.length);
    const isLast = axis === shapes[0]!.length - 1;
    const root = this.rootOf(whole);
    placesAlong(axis, shapes).forEach((part, i) => {
      const name = node.inputs[i]!;
      const place = placeWithin(part, this.placeOf(whole));
      if (place && isAligned(place) && this.canLieIn(root, name, node, isLast)) {
        this.placed.set(name, { root, place });
      }
    });
  }

  /** Whether a value that `join` reads can be a part of `root`. */
  private canLieIn(root: string, name: string, join: Node, isLast: boolean): boolean {
    const producer = this.producers.get(name);
    if (!producer || this.outputs.has(name) || this.placed.has(name)) return false;
    if (!this.kernels.get(producer)?.placed?.output || producer.outputs.length > 1) return false;
    if (valuesRead(producer).some((read) => this.rootOf(read) === root)) return false;
    return this.readers.get(name)!.every((reader) => {
      if (reader === join) return timesRead(reader, name) === 1;
      if (reader.outputs.some((output) => this.rootOf(output) === root)) return false;
      return isLast && this.canReadPart(reader, name);
    });
  }

  private canReadPart(reader: Node, name: string): boolean {
    const inputs = this.kernels.get(reader)?.placed?.inputs;
    if (reader.epilogue?.some((step) => step.operand === name)) return false;
    if (inputs === "all") return true;
    return inputs === "first" && reader.inputs[0] === name && timesRead(reader, name) === 1;
  }
}

const isAligned = (place: Place): boolean =>
  place.run > 0 && Object.values(place).every((n) => n % 4 === 0);

const timesRead = (node: Node, name: string): number =>
  node.inputs.filter((input) => input === name).length;

/** A node's problem with the places of its values, for a kernel that understands them. */
export function placedProblem(node: Node, problem: Problem, placement: Placement): Problem {
  const { rootOf, placeOf } = placement;
  const typed = <T extends object>(type: T, name: string) => {
    const place = placeOf(name);
    return place ? { ...type, place } : type;
  };
  const inputs = problem.inputs.map((type, i) => type && typed(type, node.inputs[i]!));
  const outputs = problem.outputs.map((type, i) => typed(type, node.outputs[i]!));
  if (!opOf(node).traits.isJoin) return { ...problem, inputs, outputs };
  const root = rootOf(node.outputs[0]!);
  const inPlace = node.inputs.flatMap((name, i) => {
    return placeOf(name) && rootOf(name) === root ? [i] : [];
  });
  return { ...problem, inputs, outputs, inPlace: new Set(inPlace) };
}
