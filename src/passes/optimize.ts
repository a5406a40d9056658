import type { TypedGraph } from "../graph/index.ts";
import { recognizeActivations } from "./activations.ts";
import { foldIntoWeights, splitBatchNormalization } from "./batch-norm.ts";
import { shareEqualNodes } from "./cse.ts";
import { removeDeadCode } from "./dead-code.ts";
import { fuseEpilogues } from "./epilogue.ts";
import { orderWeightsAsPicture } from "./flattened.ts";
import { dropIdentities } from "./identities.ts";
import { continueJoins } from "./joins.ts";
import { toChannelsLast } from "./layout.ts";
import { padIntoWindow } from "./pad.ts";
import { toFloat16 } from "./precision.ts";
import { keepReducedAxes } from "./reduced-axes.ts";
import { composeTransposes, simplifyViews } from "./reorder.ts";
import { type Rule, rewrite } from "./rewrite.ts";
import { mergeSeparable } from "./separable.ts";

export interface OptimizeOptions {
  /** What float32 values are stored as inside; inputs and outputs keep their types. */
  readonly precision: "f32" | "f16" | "f16acc32";
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

export interface Pass {
  readonly name: string;
  readonly run: (graph: TypedGraph) => TypedGraph;
}

/** The passes in order. Each is a pure function and keeps what the graph computes. */
export function passesFor({ precision, layout = true }: OptimizeOptions): readonly Pass[] {
  const rule = (name: string, apply: Rule): Pass => ({ name, run: (g) => rewrite(g, apply) });
  const shareNodes: Pass = { name: "share nodes", run: (g) => rewrite(g, shareEqualNodes()) };
  const movement = [
    rule("transposes", composeTransposes),
    rule("views", simplifyViews),
    rule("identities", dropIdentities),
  ];
  return [
    { name: "dead code", run: removeDeadCode },
    ...movement,
    rule("activations", recognizeActivations),
    rule("padding", padIntoWindow),
    rule("weights", foldIntoWeights),
    rule("batch normalization", splitBatchNormalization),
    ...(precision !== "f32" ? [{ name: "float16", run: toFloat16 }] : []),
    ...(layout
      ? [rule("reduced axes", keepReducedAxes), { name: "layout", run: toChannelsLast }]
      : []),
    ...movement,
    rule("linear weights", orderWeightsAsPicture),
    shareNodes,
    { name: "joins", run: (g) => rewrite(g, continueJoins()) },
    { name: "epilogues", run: fuseEpilogues },
    rule("separable convolutions", mergeSeparable),
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
