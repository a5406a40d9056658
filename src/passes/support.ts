import { RekindleError } from "../errors.ts";
import type { Graph, Node, TypedGraph } from "../graph/index.ts";
import { opOf, problemOf } from "../ops/evaluate.ts";
import { ops } from "../ops/index.ts";

/** A node that cannot run, why, and what its user can do about it. */
interface Obstacle {
  readonly node: Node;
  readonly reason: string;
  readonly fix: string;
}

/** Throws "model-unsupported" with every node whose operator Rekindle does not know. */
export function checkOperators(graph: Graph): void {
  report(
    graph.nodes
      .filter((node) => !ops.has(node.op))
      .map((node) => ({
        node,
        reason: "Rekindle has no such operator",
        fix: "export the model with other operators (a newer opset, or a simplified graph), or run it on the CPU",
      })),
  );
}

/**
 * Throws "model-unsupported" with every node that is left to run but that no kernel can run,
 * each with the reason.
 */
export function checkKernels(graph: TypedGraph): void {
  report(
    graph.nodes.flatMap((node) => {
      const reason = refusal(node, graph);
      return reason === undefined ? [] : [{ node, reason, fix: fixOf(node, graph) }];
    }),
  );
}

function refusal(node: Node, graph: TypedGraph): string | undefined {
  const { kernels, traits } = opOf(node);
  if (traits.isView) return undefined;
  if (kernels.length === 0) return "it is computed while planning only, from known inputs";
  const problem = problemOf(
    node,
    (name) => graph.types.get(name)!,
    (name) => graph.constants.get(name),
  );
  let reason = "";
  for (const kernel of kernels) {
    const answer = kernel.supports(problem);
    if (answer === true) return undefined;
    reason = answer;
  }
  return reason;
}

function fixOf(node: Node, graph: TypedGraph): string {
  const onGpu = new Set(["float32", "float16"]);
  const odd = [...node.inputs, ...node.outputs].find((name) => {
    const type = graph.types.get(name);
    return type !== undefined && !graph.constants.has(name) && !onGpu.has(type.dtype);
  });
  if (odd !== undefined) {
    const { dtype } = graph.types.get(odd)!;
    return `"${odd}" is ${dtype} and known only at run time; export the model so that it is float32 or a constant, or run it on the CPU`;
  }
  return "run the model on the CPU, or export it with other attributes";
}

function report(obstacles: readonly Obstacle[]): void {
  if (obstacles.length === 0) return;
  const lines = obstacles.map(
    ({ node, reason }) => `\n  node "${node.name}" (${node.op}): ${reason}`,
  );
  const count = obstacles.length === 1 ? "1 node" : `${obstacles.length} nodes`;
  throw new RekindleError("model-unsupported", `${count} cannot run on the GPU:${lines.join("")}`, {
    fix: [...new Set(obstacles.map((o) => o.fix))].join("; "),
  });
}
