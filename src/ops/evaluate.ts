import { RekindleError } from "../errors.ts";
import type { Attributes, AttributeValue, EpilogueStep, Node, TensorType } from "../graph/index.ts";
import type { EpilogueProblem, Problem } from "../kernels/kernel.ts";
import { broadcastStrides, type Shape, stridesOf, Tensor } from "../tensor/index.ts";
import type { Elements, InferContext, Ndarray, Op } from "./define.ts";
import { ops } from "./index.ts";

type Parsed = Readonly<Record<string, AttributeValue | null>>;

/** The operator of a node; throws "model-unsupported" where there is none. */
export function opOf(node: { readonly op: string; readonly name: string }): Op {
  const op = ops.get(node.op);
  if (op) return op;
  throw new RekindleError("model-unsupported", `node "${node.name}": no operator ${node.op}`);
}

/** Reads a node's attributes, filling in defaults. */
export function parseAttributes(op: Op, attributes: Attributes, nodeName: string): Parsed {
  const parsed: Record<string, AttributeValue | null> = {};
  for (const [name, spec] of Object.entries(op.attributes)) {
    const result = spec.read(attributes[name]);
    if ("problem" in result) {
      throw new RekindleError(
        "model-invalid",
        `node "${nodeName}" (${op.name}): attribute ${name} ${result.problem}`,
      );
    }
    parsed[name] = result.value as AttributeValue | null;
  }
  return parsed;
}

/** Types of a node's outputs. Errors name the node. */
export function inferNode(
  node: Node,
  inputs: InferContext<unknown>["inputs"],
  constants: InferContext<unknown>["constants"],
): TensorType[] {
  const op = opOf(node);
  const [least, most] = op.inputs;
  const where = `node "${node.name}" (${node.op})`;
  if (inputs.length < least || inputs.length > most) {
    const wanted = least === most ? `${least}` : `${least} to ${most}`;
    throw new RekindleError(
      "model-invalid",
      `${where} has ${inputs.length} inputs, needs ${wanted}`,
    );
  }
  const attributes = parseAttributes(op, node.attributes, node.name);
  try {
    return op.infer({ attributes, inputs, constants, outputCount: node.outputs.length });
  } catch (error) {
    if (error instanceof RekindleError) throw error;
    throw new RekindleError("model-invalid", `${where}: ${(error as Error).message}`);
  }
}

/** Computes a node with the references, in float64, its epilogue included. */
export function evaluateNode(
  node: Node,
  inputs: readonly (Tensor | undefined)[],
  outputs: readonly TensorType[],
  operand: (name: string) => Tensor,
): Tensor[] {
  const op = opOf(node);
  const attributes = parseAttributes(op, node.attributes, node.name);
  const arrays = inputs.map((t) => (t ? toNdarray(t) : undefined));
  const results = op.reference(arrays, attributes, outputs);
  for (const step of node.epilogue ?? []) {
    results[0] = applyStep(step, { dims: outputs[0]!.dims, data: results[0]! }, operand);
  }
  return outputs.map((type, i) => Tensor.from(type.dtype, results[i]!, type.dims));
}

/**
 * Elements of a node's first output at flat indices, its epilogue included, in float64. Undefined
 * for operators that give whole outputs only.
 */
export function evaluateNodeAt(
  node: Node,
  inputs: readonly (Tensor | undefined)[],
  outputs: readonly TensorType[],
  operand: (name: string) => Tensor,
  indices: Uint32Array,
): Float64Array | undefined {
  const op = opOf(node);
  const attributes = parseAttributes(op, node.attributes, node.name);
  const { dims } = outputs[0]!;
  let values = op.referenceAt?.(inputs.map(elementsOf), attributes, outputs, indices);
  for (const step of values ? (node.epilogue ?? []) : []) {
    const picked = (name: string) => elementsAt(operand(name), dims, indices);
    values = applyStep(step, { dims: [indices.length], data: values! }, picked);
  }
  return values;
}

/** The stored numbers themselves where they need no conversion: inputs may be large. */
function elementsOf(tensor: Tensor | undefined): Elements | undefined {
  if (!tensor) return undefined;
  const { dtype, dims, data } = tensor;
  return { dims, data: dtype === "float32" ? (data as Float32Array) : tensor.toNumbers() };
}

/** The elements at flat indices of `tensor` broadcast to `dims`. */
function elementsAt(tensor: Tensor, dims: Shape, indices: Uint32Array): Tensor {
  const strides = broadcastStrides(tensor.dims, dims);
  const outStrides = stridesOf(dims);
  const { data } = elementsOf(tensor)!;
  const values = Float64Array.from(indices, (index) => {
    const at = dims.map((size, axis) => Math.floor(index / outStrides[axis]!) % size);
    return data[at.reduce((sum, i, axis) => sum + i * strides[axis]!, 0)]!;
  });
  return new Tensor("float64", values, [indices.length]);
}

function applyStep(step: EpilogueStep, value: Ndarray, operand: (n: string) => Tensor) {
  const op = opOf({ op: step.op, name: "epilogue" });
  const attributes = parseAttributes(op, step.attributes, "epilogue");
  const inputs = [value];
  if (step.operand !== undefined) inputs.push(toNdarray(operand(step.operand)));
  if (step.operandFirst) inputs.reverse();
  return op.reference(inputs, attributes, [{ dtype: "float64", dims: value.dims }])[0]!;
}

function toNdarray(tensor: Tensor): Ndarray {
  return { dims: tensor.dims, data: tensor.toNumbers() };
}

/** What kernels need to know of a node. `typeOf` and `constantOf` look values up by name. */
export function problemOf(
  node: Node,
  typeOf: (name: string) => TensorType,
  constantOf: (name: string) => Tensor | undefined,
): Problem {
  const op = opOf(node);
  const attributes = parseAttributes(op, node.attributes, node.name);
  const { pointwise } = op.traits;
  return {
    op: node.op,
    attributes,
    inputs: node.inputs.map((name) => (name === "" ? undefined : typeOf(name))),
    constants: node.inputs.map((name) => (name === "" ? undefined : constantOf(name))),
    outputs: node.outputs.map(typeOf),
    epilogue: (node.epilogue ?? []).map((step) => epilogueProblem(step, typeOf)),
    ...(pointwise && {
      pointwise: (x: string, y: string, T: string) => pointwise(x, y, T, attributes),
    }),
  };
}

function epilogueProblem(step: EpilogueStep, typeOf: (n: string) => TensorType): EpilogueProblem {
  const op = opOf({ op: step.op, name: "epilogue" });
  const { pointwise } = op.traits;
  if (!pointwise) throw new Error(`${step.op} cannot be an epilogue step: it is not pointwise`);
  const attributes = parseAttributes(op, step.attributes, "epilogue");
  return {
    op: step.op,
    expression: (x, y, T) => pointwise(x, y, T, attributes),
    operandFirst: step.operandFirst ?? false,
    ...(step.operand !== undefined && { operand: typeOf(step.operand) }),
  };
}
