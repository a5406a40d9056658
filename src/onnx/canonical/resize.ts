import type { Node } from "../../graph/index.ts";
import { moveAttributes } from "./moved-attributes.ts";
import { padded, type Rule, type RuleContext, unsupported } from "./rule.ts";

/** Upsample, which opset 10 dropped, is a Resize. */
export const upsample: Rule = (node, context) => [
  resizeByCorner(moveAttributes(node, context), "floor"),
];

/**
 * Resize has the inputs X, roi, scales, sizes; those that do not count are left out. Opset 10 knew
 * scales only and one coordinate mode; opset 11 wrote empty tensors for what is left out.
 */
export const resize: Rule = (node, context) => {
  if (context.opset < 11) return [resizeByCorner(node, roundingOf10(node, context))];
  const inputs = padded(node.inputs, 4).map((name) =>
    context.constant(name)?.size === 0 ? "" : name,
  );
  if (node.attributes.coordinate_transformation_mode !== "tf_crop_and_resize") inputs[1] = "";
  return [{ ...node, inputs }];
};

/** Before opset 11, the output's corner lies on the input's corner ("asymmetric"). */
function resizeByCorner(node: Node, nearest_mode: string): Node {
  const { mode = "nearest" } = node.attributes;
  return {
    ...node,
    op: "Resize",
    inputs: [node.inputs[0]!, "", node.inputs[1] ?? ""],
    attributes: {
      // "bilinear" is what opset 7 to 8 exporters called it in practice.
      mode: mode === "bilinear" ? "linear" : mode,
      coordinate_transformation_mode: "asymmetric",
      nearest_mode,
    },
  };
}

/** ONNX Runtime, which defined Resize-10 in practice, rounds down to enlarge and up to reduce. */
function roundingOf10(node: Node, context: RuleContext): string {
  const { mode = "nearest" } = node.attributes;
  const scales = context.constant(node.inputs[1] ?? "")?.toNumbers() ?? [];
  const reduces = scales.some((s) => s < 1);
  if (mode === "nearest" && reduces && scales.some((s) => s > 1)) {
    throw unsupported(
      "it enlarges one axis and reduces another, which opset 10 rounds differently",
      "export with opset 11 or newer",
    );
  }
  return reduces ? "ceil" : "floor";
}
