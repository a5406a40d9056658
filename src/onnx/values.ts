import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { RekindleError } from "../errors.ts";
import type { Dim, GraphInput, GraphOutput } from "../graph/index.ts";
import type { DType } from "../tensor/index.ts";
import { codeName, codeOf, dtypeOf } from "./element-types.ts";
import type { Names } from "./names.ts";
import {
  type TensorShapeProto_Dimension,
  type TypeProto_Tensor,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./onnx_pb.ts";

/** A graph input. Sizes without a name get one, from `dimNames`: each is free by itself. */
export function readInput(proto: ValueInfoProto, dimNames: Names): GraphInput {
  const type = tensorTypeOf(proto);
  const dtype = type && dtypeOf(type.elemType);
  const where = `input "${proto.name}"`;
  if (!type || !dtype) {
    const kind = type
      ? `of ${codeName(type.elemType)}`
      : `a ${proto.type?.value.case ?? "value"} without type`;
    throw new RekindleError("model-unsupported", `${where} is ${kind}`, {
      fix: "use a model whose inputs are tensors of numbers",
    });
  }
  if (!type.shape) {
    throw new RekindleError("model-unsupported", `${where} declares no shape`, {
      fix: "export with the shapes of inputs (named sizes may stay free)",
    });
  }
  return { name: proto.name, dtype, dims: readDims(proto.name, type.shape.dim, dimNames) };
}

/** A graph output, with what the model says of it. */
export function readOutput(proto: ValueInfoProto, dimNames: Names): GraphOutput {
  const type = tensorTypeOf(proto);
  const dtype = type && dtypeOf(type.elemType);
  return {
    name: proto.name,
    ...(dtype && { dtype }),
    ...(type?.shape && { dims: readDims(proto.name, type.shape.dim, dimNames) }),
  };
}

/** The number of dimensions of a value, where the file says it. */
export function declaredRank(proto: ValueInfoProto): number | undefined {
  return tensorTypeOf(proto)?.shape?.dim.length;
}

/** Named sizes of a model's inputs and outputs: fresh names must differ from them. */
export function declaredDimNames(protos: readonly ValueInfoProto[]): string[] {
  const dims = protos.flatMap((proto) => tensorTypeOf(proto)?.shape?.dim ?? []);
  return dims.flatMap(({ value }) => (value.case === "dimParam" ? value.value : []));
}

function tensorTypeOf(proto: ValueInfoProto): TypeProto_Tensor | undefined {
  const value = proto.type?.value;
  return value?.case === "tensorType" ? value.value : undefined;
}

/** Sizes of 0 and below are taken as unknown: some exporters mark free dimensions so. */
function readDims(
  value: string,
  dims: readonly TensorShapeProto_Dimension[],
  dimNames: Names,
): Dim[] {
  return dims.map((dim, i) => {
    if (dim.value.case === "dimParam" && dim.value.value !== "") return dim.value.value;
    if (dim.value.case === "dimValue" && dim.value.value > 0n) return Number(dim.value.value);
    return dimNames.fresh(`${value}_dim${i}`);
  });
}

export function writeValue(
  name: string,
  dtype: DType | undefined,
  dims: readonly Dim[] | undefined,
): ValueInfoProto {
  type Dimension = MessageInitShape<typeof import("./onnx_pb.ts").TensorShapeProto_DimensionSchema>;
  const dim = dims?.map(
    (d): Dimension => ({
      value:
        typeof d === "number"
          ? { case: "dimValue", value: BigInt(d) }
          : { case: "dimParam", value: d },
    }),
  );
  if (!dtype) return create(ValueInfoProtoSchema, { name });
  const value = { elemType: codeOf(dtype), ...(dim && { shape: { dim } }) };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "tensorType", value } } });
}
