import { Tensor } from "../tensor/index.ts";
import type { Rule } from "./rewrite.ts";

/** Common subexpression elimination: what was computed before, from the same values, is reused. */
export function shareEqualNodes(): Rule {
  const seen = new Map<string, string>();
  return (node) => {
    if (node.outputs.length !== 1) return undefined;
    if (Object.values(node.attributes).some((v) => v instanceof Tensor)) return undefined;
    const attributes = Object.entries(node.attributes).sort(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify([node.op, node.inputs, attributes, node.epilogue ?? []], exactly);
    const before = seen.get(key);
    if (before === undefined) seen.set(key, node.outputs[0]!);
    return before;
  };
}

/** JSON has no infinity and would write it as null. */
function exactly(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
