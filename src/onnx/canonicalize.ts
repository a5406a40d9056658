import { RekindleError } from "../errors.ts";
import type { Graph, GraphInput, GraphOutput, Node } from "../graph/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { readAttributes } from "./attributes.ts";
import { rules } from "./canonical/index.ts";
import type { RuleContext } from "./canonical/rule.ts";
import type { RawNode } from "./flatten.ts";
import { Names } from "./names.ts";
import type { Unsupported } from "./unsupported.ts";

/** A model with its nodes in order, but still in the forms of their opsets. */
export interface RawGraph {
  readonly name: string;
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly GraphOutput[];
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly nodes: readonly RawNode[];
  /** The number of dimensions of values, where the file says it. */
  readonly ranks: ReadonlyMap<string, number>;
}

/** The oldest and the newest version of ONNX's operators that the rules know. */
export const opsets = { oldest: 7, newest: 28 } as const;

/**
 * Brings every node to the one form that operators implement (src/onnx/canonical). Nodes that
 * have none are added to `problems` and left out.
 */
export function canonicalize(raw: RawGraph, problems: Unsupported[]): Graph {
  const constants = new Map(raw.constants);
  const names = valueNames(raw);
  const nodeNames = new Names();
  const readers = new Set([
    ...raw.nodes.flatMap((n) => n.inputs),
    ...raw.outputs.map((output) => output.name),
  ]);
  const context: Omit<RuleContext, "opset"> = {
    constant: (name) => constants.get(name),
    define: (name, tensor) => void constants.set(name, tensor),
    addConstant(base, tensor) {
      const name = names.fresh(base);
      constants.set(name, tensor);
      return name;
    },
    fresh: (base) => names.fresh(base),
    rank: (name) => raw.ranks.get(name) ?? constants.get(name)?.dims.length,
    isRead: (name) => name !== "" && readers.has(name),
  };
  const nodes: Node[] = [];
  for (const node of raw.nodes) {
    try {
      for (const made of canonicalNodes(node, context)) {
        nodes.push({ ...made, name: nodeNames.fresh(made.name) });
      }
    } catch (error) {
      if (!(error instanceof RekindleError) || error.code !== "model-unsupported") throw error;
      const { message: reason, fix } = error;
      problems.push({ op: fullName(node), node: node.name, reason, ...(fix && { fix }) });
    }
  }
  return { name: raw.name, inputs: raw.inputs, outputs: raw.outputs, nodes, constants };
}

function canonicalNodes(raw: RawNode, context: Omit<RuleContext, "opset">): readonly Node[] {
  const { name, op, domain, opset } = raw;
  if (domain !== "") {
    throw new RekindleError("model-unsupported", "not one of ONNX's own operators");
  }
  if (opset === undefined || opset < opsets.oldest || opset > opsets.newest) {
    const has = opset === undefined ? "no opset is declared for it" : `its opset is ${opset}`;
    throw new RekindleError(
      "model-unsupported",
      `${has}, Rekindle reads ${opsets.oldest} to ${opsets.newest}`,
      { fix: "convert the model with onnx.version_converter" },
    );
  }
  const attributes = readAttributes(raw.attributes);
  const { inputs, outputs } = raw;
  const node: Node = { name, op, inputs, outputs, attributes };
  const rule = rules.get(op);
  if (!rule) return [trimmed(node)];
  if (!outputs[0] || (!inputs[0] && op !== "Constant")) {
    throw new RekindleError("model-invalid", `node "${name}" (${op}) has no input or no output`);
  }
  return rule(node, { ...context, opset }).map(trimmed);
}

/** Inputs and outputs that are left out at the end are not listed. */
function trimmed(node: Node): Node {
  return { ...node, inputs: trimEnd(node.inputs), outputs: trimEnd(node.outputs) };
}

function trimEnd(names: readonly string[]): readonly string[] {
  return names.slice(0, names.findLastIndex((name) => name !== "") + 1);
}

function fullName({ domain, op }: RawNode): string {
  return domain === "" ? op : `${domain}.${op}`;
}

function valueNames(raw: RawGraph): Names {
  return new Names([
    ...raw.inputs.map((input) => input.name),
    ...raw.constants.keys(),
    ...raw.nodes.flatMap((node) => node.outputs),
  ]);
}
