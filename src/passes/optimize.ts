import type { TypedGraph } from "../graph/index.ts";
import { removeDeadCode } from "./dead-code.ts";
import { fuseEpilogues } from "./epilogue.ts";
import { dropIdentities } from "./identities.ts";
import { rewrite } from "./rewrite.ts";

export interface OptimizeOptions {
  /** What float32 values are stored as inside; inputs and outputs keep their types. */
  readonly precision: "f32" | "f16";
  /** Pictures become channels-last inside. Default true. */
  readonly layout?: boolean;
  /** Called after every pass, for `--verbose`. */
  readonly onPass?: (report: PassReport) => void;
}

/** How many nodes a pass found and left. */
export interface PassReport {
  readonly pass: string;
  readonly nodesBefore: number;
  readonly nodesAfter: number;
}

interface Pass {
  readonly name: string;
  readonly run: (graph: TypedGraph) => TypedGraph;
}

/** The passes in order. Each is a pure function and keeps what the graph computes. */
function passesFor(_options: OptimizeOptions): readonly Pass[] {
  return [
    { name: "dead code", run: removeDeadCode },
    { name: "identities", run: (g) => rewrite(g, dropIdentities) },
    { name: "epilogues", run: fuseEpilogues },
  ];
}

/**
 * Makes a graph cheaper to run without changing what it computes, but for rounding.
 *
 * @example const plan = optimize(resolve(graph, shapes), { precision: "f32" });
 */
export function optimize(graph: TypedGraph, options: OptimizeOptions): TypedGraph {
  let current = graph;
  for (const pass of passesFor(options)) {
    const next = pass.run(current);
    options.onPass?.({
      pass: pass.name,
      nodesBefore: current.nodes.length,
      nodesAfter: next.nodes.length,
    });
    current = next;
  }
  return current;
}
