import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { RekindleError } from "../errors.ts";
import type { AttributeValue, Graph, Node } from "../graph/index.ts";
import { type DType, Tensor } from "../tensor/index.ts";
import { Names } from "./names.ts";
import {
  type AttributeProto,
  AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  AttributeProto_AttributeType as Type,
} from "./onnx_pb.ts";
import { writeTensor } from "./tensors.ts";
import { valueTypes } from "./value-types.ts";
import { writeValue } from "./values.ts";

/** The opset whose forms are the canonical ones; newer ones only where an operator needs them. */
const baseOpset = 18;

/** When operators came into ONNX that opset 18 does not have in the canonical form. */
const introduced: Readonly<Record<string, number>> = {
  AffineGrid: 20,
  Attention: 23,
  Gelu: 20,
  GroupNormalization: 21,
  RMSNormalization: 23,
  RotaryEmbedding: 23,
  Swish: 24,
};

/** Attributes of ONNX that hold a float; the others that hold a number hold an integer. */
const floatAttributes = new Set(
  ["alpha", "beta", "bias", "clip", "cubic_coeff_a", "epsilon", "extrapolation_value", "gamma"]
    .concat(["high", "lambd", "low", "mean", "momentum", "scale", "seed", "softcap"])
    .concat(["spatial_scale", "activation_alpha", "activation_beta"]),
);

/** Protobuf messages, and so ONNX files, end at 2 GiB; a little is left for everything else. */
const tensorBytesMax = 2 ** 31 - 2 ** 24;

/**
 * The ONNX file of a graph in canonical form (as `readOnnx` and src/models make it, before any
 * pass): opset 18, or newer where an operator needs it. Named sizes stay free.
 *
 * Throws "model-unsupported" when the constants exceed the 2 GB that fit into one file.
 *
 * @example
 * await writeFile("resnet18.onnx", writeOnnx(models.get("resnet18")!.build()));
 */
export function writeOnnx(graph: Graph): Uint8Array {
  let bytes = 0;
  for (const tensor of graph.constants.values()) bytes += tensor.data.byteLength;
  if (bytes > tensorBytesMax) {
    throw new RekindleError(
      "model-unsupported",
      `the model's constants have ${bytes} bytes, an ONNX file holds at most ${tensorBytesMax}`,
      { fix: "write a smaller model, or float16 weights" },
    );
  }
  const types = valueTypes(graph);
  const { nodes, constants } = writtenForms(graph, types);
  const opset = Math.max(baseOpset, ...graph.nodes.map(opsetOf));
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(irVersionOf(opset)),
    producerName: "rekindle",
    opsetImport: [{ domain: "", version: BigInt(opset) }],
    graph: {
      name: graph.name,
      node: nodes.map(writeNode),
      initializer: [...constants].map(([name, tensor]) => writeTensor(name, tensor)),
      input: graph.inputs.map((v) => writeValue(v.name, v.dtype, v.dims)),
      output: graph.outputs.map((v) => writeValue(v.name, v.dtype ?? types.get(v.name), v.dims)),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

/** The oldest IR version that allows an opset, as ONNX's table of versions says. */
function irVersionOf(opset: number): number {
  if (opset <= 18) return 8;
  if (opset <= 20) return 9;
  return opset <= 22 ? 10 : 11;
}

function opsetOf({ op, attributes }: Node): number {
  const { dilations, coordinate_transformation_mode, mode } = attributes;
  if (op === "AveragePool" && (dilations as number[] | undefined)?.some((d) => d > 1)) return 19;
  if (op === "Resize" && coordinate_transformation_mode === "half_pixel_symmetric") return 19;
  if (op === "Pad" && mode === "wrap") return 19;
  return introduced[op] ?? baseOpset;
}

/** The graph in ONNX's forms: Clip has its bounds as inputs of the type of its data. */
function writtenForms(graph: Graph, types: ReadonlyMap<string, DType>): Graph {
  const constants = new Map(graph.constants);
  const names = new Names([...types.keys(), ...graph.nodes.flatMap((node) => node.outputs)]);
  const nodes = graph.nodes.map((node): Node => {
    if (node.epilogue || "layout" in node.attributes) {
      throw new RekindleError("usage", `node "${node.name}" was changed by a pass`, {
        fix: "write the graph before passes are applied",
      });
    }
    if (node.op !== "Clip") return node;
    const bounds = [node.attributes.min, node.attributes.max].map((bound, i) => {
      if (bound === undefined) return "";
      const name = names.fresh(`${node.name}/${i === 0 ? "min" : "max"}`);
      const dtype = types.get(node.inputs[0]!) ?? "float32";
      constants.set(name, Tensor.from(dtype, [bound as number], []));
      return name;
    });
    return { ...node, inputs: [node.inputs[0]!, ...bounds], attributes: {} };
  });
  return { ...graph, nodes, constants };
}

function writeNode(node: Node): MessageInitShape<typeof NodeProtoSchema> {
  return {
    name: node.name,
    opType: node.op,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([name, value]) => writeAttribute(name, value)),
  };
}

const utf8 = new TextEncoder();

function writeAttribute(name: string, value: AttributeValue): AttributeProto {
  const isFloat = (v: number) => floatAttributes.has(name) || !Number.isInteger(v);
  const field = (): MessageInitShape<typeof AttributeProtoSchema> => {
    if (value instanceof Tensor) return { type: Type.TENSOR, t: writeTensor("", value) };
    if (typeof value === "string") return { type: Type.STRING, s: utf8.encode(value) };
    if (typeof value === "number") {
      if (isFloat(value)) return { type: Type.FLOAT, f: value };
      return { type: Type.INT, i: BigInt(value) };
    }
    if (value.some((v) => typeof v === "string")) {
      return { type: Type.STRINGS, strings: value.map((v) => utf8.encode(v as string)) };
    }
    const numbers = value as readonly number[];
    if (numbers.some(isFloat)) return { type: Type.FLOATS, floats: [...numbers] };
    return { type: Type.INTS, ints: numbers.map(BigInt) };
  };
  return create(AttributeProtoSchema, { name, ...field() });
}
