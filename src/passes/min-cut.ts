/** A directed edge with a capacity; use `Number.POSITIVE_INFINITY` for one that is never cut. */
export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly capacity: number;
}

interface Arc {
  readonly to: number;
  room: number;
  readonly back: number;
}

/**
 * The vertices on the source's side of a minimum cut between vertices 0 (source) and 1 (sink); of
 * several minimum cuts the one with the largest source side. Augments along shortest paths
 * (Edmonds and Karp 1972).
 */
export function minimumCut(vertices: number, edges: readonly Edge[]): Set<number> {
  const arcs: Arc[][] = Array.from({ length: vertices }, () => []);
  for (const { from, to, capacity } of edges) {
    if (from === to) continue;
    arcs[from]!.push({ to, room: capacity, back: arcs[to]!.length });
    arcs[to]!.push({ to: from, room: 0, back: arcs[from]!.length - 1 });
  }
  for (let path = shortestPath(arcs); path; path = shortestPath(arcs)) {
    const flow = Math.min(...path.map((arc) => arc.room));
    for (const arc of path) {
      arc.room -= flow;
      arcs[arc.to]![arc.back]!.room += flow;
    }
  }
  const reachesSink = backwardsFrom(1, arcs);
  return new Set([...arcs.keys()].filter((v) => !reachesSink.has(v)));
}

/** The arcs of a shortest path from source to sink that has room, by breadth-first search. */
function shortestPath(arcs: readonly (readonly Arc[])[]): Arc[] | undefined {
  const via = new Map<number, { arc: Arc; from: number }>();
  const queue = [0];
  for (const v of queue) {
    for (const arc of arcs[v]!) {
      if (arc.room <= 0 || arc.to === 0 || via.has(arc.to)) continue;
      via.set(arc.to, { arc, from: v });
      queue.push(arc.to);
    }
    if (via.has(1)) break;
  }
  if (!via.has(1)) return undefined;
  const path: Arc[] = [];
  for (let v = 1; v !== 0; v = via.get(v)!.from) path.push(via.get(v)!.arc);
  return path;
}

/** Vertices from which `target` can still be reached. */
function backwardsFrom(target: number, arcs: readonly (readonly Arc[])[]): Set<number> {
  const found = new Set([target]);
  for (const v of found) {
    for (const arc of arcs[v]!) if (arcs[arc.to]![arc.back]!.room > 0) found.add(arc.to);
  }
  return found;
}
