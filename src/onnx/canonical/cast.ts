import { TensorProto_DataType as Code } from "../onnx_pb.ts";
import type { Rule } from "./rule.ts";

/** bfloat16 tensors are read as float32, so a Cast to bfloat16 is one to float32. */
export const cast: Rule = (node) => {
  if (node.attributes.to !== Code.BFLOAT16) return [node];
  return [{ ...node, attributes: { ...node.attributes, to: Code.FLOAT } }];
};
