import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProtoSchema,
  type FunctionProtoSchema,
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "../src/onnx/onnx_pb.ts";

// Writes ONNX files by hand, for tests of the import: any opset, any encoding, any mistake.

type Attribute = MessageInitShape<typeof AttributeProtoSchema>;
export type TestNode = MessageInitShape<typeof NodeProtoSchema>;
type TestTensor = MessageInitShape<typeof TensorProtoSchema>;
type TestValue = MessageInitShape<typeof ValueInfoProtoSchema>;

export interface TestModel {
  readonly opset?: number;
  readonly inputs?: TestValue[];
  readonly outputs?: TestValue[];
  readonly values?: TestValue[];
  readonly nodes?: TestNode[];
  readonly constants?: TestTensor[];
  readonly functions?: MessageInitShape<typeof FunctionProtoSchema>[];
  /** Versions of operator sets, by domain; `opset` for ONNX's own where it is left out. */
  readonly imports?: Readonly<Record<string, number>>;
}

export function onnxModel(model: TestModel): Uint8Array {
  const message = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: Object.entries(model.imports ?? { "": model.opset ?? 18 }).map(
      ([domain, version]) => ({ domain, version: BigInt(version) }),
    ),
    graph: {
      name: "test",
      node: model.nodes ?? [],
      input: model.inputs ?? [],
      output: model.outputs ?? [],
      valueInfo: model.values ?? [],
      initializer: model.constants ?? [],
    },
    functions: model.functions ?? [],
  });
  return toBinary(ModelProtoSchema, message);
}

/** A tensor value; a dimension is a size, a name, or undefined where nothing is said. */
export function value(
  name: string,
  dims?: readonly (number | string | undefined)[],
  elemType = 1,
): TestValue {
  const dim = dims?.map((d) => {
    if (d === undefined) return {};
    if (typeof d === "string") return { value: { case: "dimParam" as const, value: d } };
    return { value: { case: "dimValue" as const, value: BigInt(d) } };
  });
  const tensor = { elemType, ...(dim && { shape: { dim } }) };
  return { name, type: { value: { case: "tensorType", value: tensor } } };
}

/** A node named after its operator; inputs, outputs as words: node("Add", "a b", "c"). */
export function node(
  opType: string,
  inputs: string,
  outputs: string,
  attributes: Record<string, Attribute> = {},
  more: TestNode = {},
): TestNode {
  const names = (words: string) => words.split(" ").map((w) => (w === "_" ? "" : w));
  return {
    name: `my${opType}`,
    opType,
    input: inputs === "" ? [] : names(inputs),
    output: names(outputs),
    attribute: Object.entries(attributes).map(([name, a]) => ({ ...a, name })),
    ...more,
  };
}

export const int = (i: number): Attribute => ({ type: Kind.INT, i: BigInt(i) });
export const ints = (...v: number[]): Attribute => ({ type: Kind.INTS, ints: v.map(BigInt) });
export const float = (f: number): Attribute => ({ type: Kind.FLOAT, f });
export const floats = (...v: number[]): Attribute => ({ type: Kind.FLOATS, floats: v });
export const text = (s: string): Attribute => ({
  type: Kind.STRING,
  s: new TextEncoder().encode(s),
});
export const tensor = (t: TestTensor): Attribute => ({ type: Kind.TENSOR, t });

export function floatTensor(name: string, dims: number[], data: number[]): TestTensor {
  return { name, dims: dims.map(BigInt), dataType: 1, floatData: data };
}

export function int64Tensor(name: string, ...data: number[]): TestTensor {
  return { name, dims: [BigInt(data.length)], dataType: 7, int64Data: data.map(BigInt) };
}
