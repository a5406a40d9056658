import type { Graph, Node } from "../graph/index.ts";
import { type DType, Tensor } from "../tensor/index.ts";
import { dtypeOf } from "./element-types.ts";

const givesBool = new Set(
  ["And", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual"].concat([
    "Not",
    "Or",
    "Xor",
  ]),
);
const givesInt64 = new Set(["ArgMax", "ArgMin", "NonZero", "Shape", "Size"]);

/** The element type of every value, as far as ONNX's rules give it without knowing shapes. */
export function valueTypes(graph: Graph): Map<string, DType> {
  const types = new Map<string, DType>();
  for (const [name, tensor] of graph.constants) types.set(name, tensor.dtype);
  for (const { name, dtype } of graph.inputs) types.set(name, dtype);
  for (const node of graph.nodes) {
    const [first, ...others] = node.outputs;
    const type = outputType(node, types);
    if (first && type) types.set(first, type);
    for (const name of others) {
      const other = node.op === "MaxPool" || node.op === "TopK" ? "int64" : type;
      if (other) types.set(name, other);
    }
  }
  return types;
}

function outputType(node: Node, types: ReadonlyMap<string, DType>): DType | undefined {
  const { op, attributes, inputs } = node;
  if (givesBool.has(op)) return "bool";
  if (givesInt64.has(op)) return "int64";
  if (op === "Cast") return dtypeOf(attributes.to as number);
  if (op === "ConstantOfShape") {
    return attributes.value instanceof Tensor ? attributes.value.dtype : "float32";
  }
  return types.get(inputs[op === "Where" || op === "CastLike" ? 1 : 0] ?? "");
}
