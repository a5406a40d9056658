import { fromBinary } from "@bufbuild/protobuf";
import { RekindleError } from "../errors.ts";
import { type GraphProto, type ModelProto, ModelProtoSchema } from "./onnx_pb.ts";

export type DecodedModel = ModelProto & { readonly graph: GraphProto };

const downloadAgain = "download or export the file again";

/** Files that people pass by mistake: text or bytes at an offset, what it is, what to do. */
const lookalikes: readonly (readonly [number, string, string, string])[] = [
  [0, "version https://git-lfs", "a Git LFS pointer", 'fetch the file itself: "git lfs pull"'],
  [0, "PK\x03\x04", "a zip archive (a PyTorch checkpoint?)", "export it with torch.onnx.export"],
  [0, "\x89HDF", "an HDF5 file (a Keras model?)", "convert it with tf2onnx"],
  [4, "TFL3", "a TensorFlow Lite model", "convert it with tf2onnx"],
  [4, "ORTM", "a model in ONNX Runtime's own format", "use the .onnx file that it was made from"],
  [0, "\x1f\x8b", "compressed with gzip", 'unpack it: "gunzip"'],
  [0, "<", "an HTML or XML page, not a model", downloadAgain],
  [0, '{"', "JSON, not a model", downloadAgain],
  [0, "{\n", "JSON, not a model", downloadAgain],
];

/** Decodes the bytes of an ONNX file. Throws "file-invalid" when they are something else. */
export function decodeModel(bytes: Uint8Array): DecodedModel {
  if (bytes.byteLength === 0) {
    throw new RekindleError("file-invalid", "the model file is empty", { fix: downloadAgain });
  }
  const head = String.fromCharCode(...bytes.subarray(0, 64));
  for (const [offset, mark, what, fix] of lookalikes) {
    if (head.startsWith(mark, offset)) {
      throw new RekindleError("file-invalid", `the file is not an ONNX model: it is ${what}`, {
        fix,
      });
    }
  }
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (cause) {
    throw new RekindleError(
      "file-invalid",
      `the file is not an ONNX model, or it is cut off or damaged (${bytes.byteLength} bytes)`,
      { fix: downloadAgain, cause },
    );
  }
  if (!model.graph) {
    throw new RekindleError("file-invalid", "the file is not an ONNX model: it holds no graph", {
      fix: downloadAgain,
    });
  }
  return model as DecodedModel;
}
