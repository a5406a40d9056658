import type { Rule } from "./rule.ts";

/**
 * Softmax, LogSoftmax and Hardmax before opset 13 see their input as a matrix: all axes from
 * `axis` (default 1) on are one. Where that is not just the last axis, the node is surrounded by
 * Flatten and Reshape.
 */
export const softmax: Rule = (node, context) => {
  if (context.opset >= 13) return [node];
  const { axis = 1 } = node.attributes;
  const x = node.inputs[0]!;
  const y = node.outputs[0]!;
  const rank = context.rank(x) ?? context.rank(y);
  const last = { ...node, attributes: { axis: -1 } };
  if (axis === -1 || (rank !== undefined && axis === rank - 1)) return [last];
  const [shape, matrix, result] = ["shape", "matrix", "result"].map((part) =>
    context.fresh(`${node.name}/${part}`),
  ) as [string, string, string];
  const named = (part: string) => ({ name: `${node.name}/${part}`, attributes: {} });
  return [
    { ...named("shape"), op: "Shape", inputs: [x], outputs: [shape] },
    { ...named("flatten"), op: "Flatten", inputs: [x], outputs: [matrix], attributes: { axis } },
    { ...last, inputs: [matrix], outputs: [result] },
    { ...named("reshape"), op: "Reshape", inputs: [result, shape], outputs: [y] },
  ];
};
