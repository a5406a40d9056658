import { RekindleError } from "../../errors.ts";
import type { Attributes } from "../../graph/index.ts";
import { Tensor } from "../../tensor/index.ts";
import { type Rule, unsupported } from "./rule.ts";

/** A Constant node, in any of its forms, becomes a constant of the graph. */
export const constant: Rule = (node, context) => {
  context.define(node.outputs[0]!, tensorIn(node.name, node.attributes));
  return [];
};

function tensorIn(name: string, attributes: Attributes): Tensor {
  const { value, value_float, value_floats, value_int, value_ints } = attributes;
  if (value instanceof Tensor) return value;
  if (typeof value_float === "number") return Tensor.from("float32", [value_float], []);
  if (typeof value_int === "number") return Tensor.from("int64", [value_int], []);
  if (Array.isArray(value_floats)) return listOf("float32", value_floats);
  if (Array.isArray(value_ints)) return listOf("int64", value_ints);
  if ("value_string" in attributes || "value_strings" in attributes) {
    throw unsupported("it holds text");
  }
  throw new RekindleError("model-invalid", `the Constant node "${name}" holds no value`);
}

const listOf = (dtype: "float32" | "int64", values: readonly number[]) =>
  Tensor.from(dtype, values, [values.length]);
