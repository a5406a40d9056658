import type { Node } from "../../graph/index.ts";
import { type Rule, type RuleContext, unsupported } from "./rule.ts";

const exportForInference =
  "export the model for inference (PyTorch: model.eval() before the export)";

/** Dropout passes its input on; the mask that training needs must not be read. */
export const dropout: Rule = (node, context) => {
  const training = node.inputs[2] ?? "";
  if (training !== "" && (context.constant(training)?.toNumbers()[0] ?? 1) !== 0) {
    throw unsupported("it is in training mode", exportForInference);
  }
  return [
    {
      ...firstOutputOnly(node, context),
      op: "Identity",
      inputs: [node.inputs[0]!],
      attributes: {},
    },
  ];
};

/** BatchNormalization keeps its inference form: five inputs, one output, `epsilon`. */
export const batchNormalization: Rule = (node, context) => {
  const { epsilon, spatial, training_mode } = node.attributes;
  if (training_mode !== undefined && training_mode !== 0) {
    throw unsupported("it is in training mode", exportForInference);
  }
  if (spatial === 0) {
    throw unsupported("spatial = 0 has statistics per pixel, as no newer opset allows");
  }
  const attributes = epsilon === undefined ? {} : { epsilon };
  return [{ ...firstOutputOnly(node, context), attributes }];
};

function firstOutputOnly(node: Node, context: RuleContext): Node {
  const [first, ...others] = node.outputs;
  if (others.some((name) => context.isRead(name))) {
    throw unsupported(
      "its further outputs, which only training needs, are read",
      exportForInference,
    );
  }
  return { ...node, outputs: [first!] };
}

/** Before opset 21, GroupNormalization had one scale per group instead of per channel. */
export const groupNormalization: Rule = (node, context) => {
  if (context.opset >= 21) return [node];
  throw unsupported("its meaning changed in opset 21", "export with opset 21 or newer");
};
