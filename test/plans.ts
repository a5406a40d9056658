import { storageBytes } from "../src/gpu/index.ts";
import { type TypedGraph, valuesRead } from "../src/graph/index.ts";
import { opOf } from "../src/ops/evaluate.ts";
import type { PlannedDispatch } from "../src/session/plan.ts";

/** The slots that a dispatch writes and those that it reads. */
export function accesses({ wgsl, bindings }: PlannedDispatch) {
  const written = new Set(
    [...wgsl.matchAll(/@binding\((\d+)\) var<storage, read_write>/g)].map((m) => Number(m[1])),
  );
  const slots = (keep: (at: number) => boolean) =>
    bindings.flatMap((b, at) => (b.kind === "slot" && keep(at) ? [b.slot] : []));
  return { writes: slots((at) => written.has(at)), reads: slots((at) => !written.has(at)) };
}

/** The largest sum of values that are needed at one node: views show memory of another value. */
export function liveBytesMax(graph: TypedGraph): number {
  const roots = new Map<string, string>();
  const rootOf = (name: string) => roots.get(name) ?? name;
  const lives = new Map<string, { first: number; last: number }>();
  for (const { name } of graph.inputs) lives.set(name, { first: -1, last: -1 });
  graph.nodes.forEach((node, i) => {
    const [source, output] = [node.inputs[0]!, node.outputs[0]!];
    if (opOf(node).traits.isView) roots.set(output, rootOf(source));
    else for (const name of node.outputs) lives.set(name, { first: i, last: i });
    for (const name of valuesRead(node)) {
      const life = lives.get(rootOf(name));
      if (life) life.last = i;
    }
  });
  const steps = [...graph.nodes.keys(), graph.nodes.length];
  for (const { name } of graph.outputs) lives.get(rootOf(name))!.last = graph.nodes.length;
  const sums = steps.map((i) =>
    [...lives].reduce((sum, [name, { first, last }]) => {
      return first <= i && i <= last ? sum + storageBytes(graph.types.get(name)!) : sum;
    }, 0),
  );
  return Math.max(...sums);
}
