import { RekindleError } from "../errors.ts";
import type { Attributes, AttributeValue } from "../graph/index.ts";
import { type AttributeProto, AttributeProto_AttributeType as Type } from "./onnx_pb.ts";
import { readTensor } from "./tensors.ts";

const utf8 = new TextDecoder();

/**
 * A node's attributes as plain values. Throws "model-unsupported" for subgraphs and other kinds
 * that no operator of Rekindle takes.
 */
export function readAttributes(protos: readonly AttributeProto[]): Attributes {
  return Object.fromEntries(protos.map((proto) => [proto.name, readAttribute(proto)]));
}

function readAttribute(proto: AttributeProto): AttributeValue {
  switch (proto.type) {
    case Type.FLOAT:
      return proto.f;
    case Type.INT:
      return Number(proto.i);
    case Type.STRING:
      return utf8.decode(proto.s);
    case Type.FLOATS:
      return proto.floats;
    case Type.INTS:
      return proto.ints.map(Number);
    case Type.STRINGS:
      return proto.strings.map((s) => utf8.decode(s));
    case Type.TENSOR:
      if (proto.t) return readTensor(proto.t);
      throw new RekindleError("model-invalid", `attribute "${proto.name}" holds no tensor`);
    case Type.GRAPH:
    case Type.GRAPHS:
      throw new RekindleError("model-unsupported", "it holds a subgraph (control flow)", {
        fix: "export with fixed control flow, or simplify the model with onnxsim",
      });
    default:
      throw new RekindleError(
        "model-unsupported",
        `its attribute "${proto.name}" is of a kind that Rekindle does not read`,
      );
  }
}
