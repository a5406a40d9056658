import {
  type Attributes,
  freshName,
  type Node,
  type TensorType,
  type TypedGraph,
} from "../graph/index.ts";
import { opOf } from "../ops/evaluate.ts";
import { Tensor } from "../tensor/index.ts";
import { derived } from "./derived.ts";

/** ONNX's numbers for element types, as Cast's attribute `to` holds them. */
const onnxFloat32 = 1;
const onnxFloat16 = 10;
const float16Max = 65504;

/**
 * Holds every float32 value inside as float16. Inputs and outputs keep the model's type, through
 * Cast nodes at the borders; constants are cast once.
 */
export function toFloat16(graph: TypedGraph): TypedGraph {
  const types = new Map(graph.types);
  const constants = new Map(graph.constants);
  const halves = new Map<string, string>();
  const isSingle = (name: string) => graph.types.get(name)?.dtype === "float32";
  const half = (name: string): string => {
    const type: TensorType = { dtype: "float16", dims: graph.types.get(name)!.dims };
    const twin = freshName(`${name}:f16`, types);
    types.set(twin, type);
    halves.set(name, twin);
    return twin;
  };
  const read = (name: string): string => {
    if (!isSingle(name)) return name;
    const known = halves.get(name);
    if (known !== undefined) return known;
    const constant = graph.constants.get(name);
    if (!constant) return name;
    const twin = half(name);
    constants.set(twin, halfTensor(constant));
    return twin;
  };
  const casts = graph.inputs
    .filter(({ name }) => isSingle(name))
    .map(({ name }) => castNode(name, half(name), onnxFloat16));
  const outputs = new Set(graph.outputs.map((o) => o.name));
  const write = (name: string): string => {
    if (!isSingle(name)) return name;
    if (outputs.has(name)) return half(name);
    types.set(name, { dtype: "float16", dims: graph.types.get(name)!.dims });
    halves.set(name, name);
    return name;
  };
  const body = graph.nodes.map((node): Node => {
    const planned = opOf(node).traits.plannedInputs ?? [];
    return {
      ...node,
      inputs: node.inputs.map((name, i) => (planned.includes(i) ? name : read(name))),
      ...(node.epilogue && {
        epilogue: node.epilogue.map((step) =>
          step.operand === undefined ? step : { ...step, operand: read(step.operand) },
        ),
      }),
      outputs: node.outputs.map(write),
      attributes: halfAttributes(node),
    };
  });
  const computed = graph.nodes.flatMap((node) => node.outputs);
  const ends = computed
    .filter((name) => outputs.has(name) && isSingle(name))
    .map((name) => castNode(halves.get(name)!, name, onnxFloat32));
  return { ...graph, nodes: [...casts, ...body, ...ends], constants, types };
}

function halfAttributes(node: Node): Attributes {
  const castsToSingle = node.op === "Cast" && node.attributes.to === onnxFloat32;
  return Object.fromEntries(
    Object.entries(node.attributes).map(([key, value]) => {
      if (value instanceof Tensor && value.dtype === "float32") return [key, halfTensor(value)];
      return [key, key === "to" && castsToSingle ? onnxFloat16 : value];
    }),
  );
}

/** Finite numbers beyond float16's range (masks of -1e9) stay finite. */
function halfTensor(tensor: Tensor): Tensor {
  const half = () => {
    const numbers = tensor.toNumbers();
    for (let i = 0; i < numbers.length; i++) {
      const v = numbers[i]!;
      if (Number.isFinite(v)) numbers[i] = Math.min(Math.max(v, -float16Max), float16Max);
    }
    return Tensor.from("float16", numbers, tensor.dims).data;
  };
  return derived(tensor, "float16", half, "float16");
}

function castNode(from: string, to: string, type: number): Node {
  return {
    name: `${to}:cast`,
    op: "Cast",
    inputs: [from],
    outputs: [to],
    attributes: { to: type },
  };
}
