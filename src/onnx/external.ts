import { RekindleError } from "../errors.ts";
import type { DecodedModel } from "./decode.ts";
import { dtypeOf } from "./element-types.ts";
import {
  TensorProto_DataLocation as Location,
  type NodeProto,
  type TensorProto,
} from "./onnx_pb.ts";
import { readHeader } from "./tensors.ts";

/**
 * Reads `length` bytes at `offset` of a file that a model refers to. `location` is as the model
 * says, a path relative to it: whoever implements this decides which paths it may name.
 */
export type ReadExternal = (
  location: string,
  offset: number,
  length: number,
) => Uint8Array | Promise<Uint8Array>;

/** Fetches the elements of all tensors that are stored outside the model file, into the model. */
export async function fetchExternal(model: DecodedModel, read?: ReadExternal): Promise<void> {
  for (const proto of tensorsOf(model)) {
    if (proto.dataLocation !== Location.EXTERNAL) continue;
    if (!dtypeOf(proto.dataType)) continue; // reported later, with all that is unsupported
    const { location, offset, length } = placeOf(proto);
    if (!read) {
      throw new RekindleError(
        "file-missing",
        `tensor "${proto.name}" is stored in the external file "${location}"`,
        { fix: "open the model by its path, or pass readExternal" },
      );
    }
    const bytes = await read(location, offset, length);
    if (bytes.byteLength !== length) {
      throw new RekindleError(
        "model-invalid",
        `tensor "${proto.name}" needs ${length} bytes of "${location}", got ${bytes.byteLength}`,
        { fix: "the external file may be cut off: download or export it again" },
      );
    }
    proto.rawData = bytes;
  }
}

/** Where a tensor's bytes lie. Sizes are checked against the shape before anything is read. */
function placeOf(proto: TensorProto): { location: string; offset: number; length: number } {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get("location");
  const offset = Number(entries.get("offset") ?? 0);
  const { storedBytes } = readHeader(proto);
  const length = Number(entries.get("length") ?? storedBytes);
  const invalid = (why: string) =>
    new RekindleError("model-invalid", `the external tensor "${proto.name}" ${why}`);
  if (!location) throw invalid("names no file");
  if (!Number.isSafeInteger(offset) || offset < 0) throw invalid(`has the offset ${offset}`);
  if (length !== storedBytes) {
    throw invalid(`is stored in ${length} bytes, its shape needs ${storedBytes}`);
  }
  return { location, offset, length };
}

function* tensorsOf(model: DecodedModel): Iterable<TensorProto> {
  yield* model.graph.initializer;
  yield* attributeTensors(model.graph.node);
  for (const { node } of model.functions) yield* attributeTensors(node);
}

function* attributeTensors(nodes: readonly NodeProto[]): Iterable<TensorProto> {
  for (const { attribute } of nodes) for (const { t } of attribute) if (t) yield t;
}
