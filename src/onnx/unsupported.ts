import { RekindleError } from "../errors.ts";
import type { Graph } from "../graph/index.ts";
import { list } from "./order.ts";

/** Something in a model that Rekindle cannot run. */
export interface Unsupported {
  /** The operator, with its domain where it is not ONNX's own: "com.microsoft.FusedConv". */
  readonly op: string;
  readonly node: string;
  /** What about it is unsupported, where it is not the operator as such. */
  readonly reason?: string;
  readonly fix?: string;
}

/**
 * The nodes whose operators `supported` does not have.
 *
 * @example
 * const problems = unsupportedNodes(graph, ops);
 * if (problems.length > 0) throw unsupportedError(problems);
 */
export function unsupportedNodes(
  graph: Graph,
  supported: { has(op: string): boolean },
): Unsupported[] {
  return graph.nodes
    .filter((node) => !supported.has(node.op))
    .map((node) => ({ op: node.op, node: node.name }));
}

/** What to do about operators, where something better is known than to use the CPU. */
const hints: readonly (readonly [RegExp, string])[] = [
  [/^com\.microsoft\./, "export again without ONNX Runtime's optimizations, which put it there"],
  [/Quant|Integer$|^QLinear/, "use the float32 or float16 model instead of the quantized one"],
  [/^(NonMaxSuppression|TopK|RoiAlign)$/, "export the model without its post-processing"],
  [
    /^(If|Loop|Scan|Sequence.*|Optional.*)$/,
    "simplify the model with onnxsim, or export by tracing",
  ],
];

/** One "model-unsupported" error that names each operator once, its nodes, and what to do. */
export function unsupportedError(problems: readonly Unsupported[]): RekindleError {
  const groups = new Map<string, Unsupported[]>();
  for (const problem of problems) {
    const key = JSON.stringify([problem.op, problem.reason]);
    const group = groups.get(key);
    if (group) group.push(problem);
    else groups.set(key, [problem]);
  }
  const lines = [...groups.values()].map(formatGroup);
  const count = lines.length === 1 ? "something" : `${lines.length} things`;
  return new RekindleError(
    "model-unsupported",
    `the model needs ${count} that Rekindle does not support:\n${lines.join("\n")}`,
    { fix: 'run it on the CPU (device "cpu"), which needs onnxruntime-node, or change the model' },
  );
}

function formatGroup(group: readonly Unsupported[]): string {
  const { op, reason, fix } = group[0]!;
  const hint = fix ?? hints.find(([pattern]) => pattern.test(op))?.[1];
  const nodes = group.length === 1 ? "node" : `${group.length} nodes:`;
  const what = reason ? `${op}: ${reason}` : op;
  return `  ${what} (${nodes} ${list(group.map((p) => p.node))})${hint ? `; ${hint}` : ""}`;
}
