import type { Node, TypedGraph } from "../graph/index.ts";
import { type Unsupported, unsupportedError, unsupportedNodes } from "../onnx/index.ts";
import { opOf, problemOf } from "../ops/evaluate.ts";
import { ops } from "../ops/index.ts";

/**
 * Throws "model-unsupported" with every node that is left to run but that no kernel can run, each
 * with the reason and what to do about it.
 */
export function checkKernels(graph: TypedGraph): void {
  const problems: Unsupported[] = unsupportedNodes(graph, ops);
  for (const node of graph.nodes) {
    if (!ops.has(node.op)) continue;
    const reason = refusal(node, graph);
    if (reason !== undefined) problems.push(describe(node, reason, graph));
  }
  if (problems.length > 0) throw unsupportedError(problems);
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

/** Where values that are not floats are the likely cause, names the first and what to do. */
function describe(node: Node, reason: string, graph: TypedGraph): Unsupported {
  const problem = { op: node.op, node: node.name, reason };
  const computed = [...node.inputs, ...node.outputs].filter((name) => !graph.constants.has(name));
  for (const name of computed) {
    const dtype = graph.types.get(name)?.dtype;
    if (dtype === undefined || dtype === "float32" || dtype === "float16") continue;
    const what = `"${name}" (${dtype}, known at run time only)`;
    return { ...problem, fix: `export the model so that ${what} is float32 or a constant` };
  }
  return problem;
}
