import type * as OrtTypes from "onnxruntime-node";
import { messageOf, RekindleError } from "../errors.ts";
import type { GraphInput, GraphOutput } from "../graph/index.ts";
import { type DType, dtypes, Tensor, type TypedArray } from "../tensor/index.ts";
import { loadOrt, type Ort } from "./ort.ts";

/** A model that ONNX Runtime runs on the CPU, in the types that it declares. */
export class OrtModel {
  readonly inputs: readonly GraphInput[];
  /** `dims` is left out where the model does not say. */
  readonly outputs: readonly GraphOutput[];
  private readonly ort: Ort;
  private readonly session: OrtTypes.InferenceSession;

  private constructor(ort: Ort, session: OrtTypes.InferenceSession) {
    this.ort = ort;
    this.session = session;
    this.inputs = session.inputMetadata.map(declared);
    this.outputs = session.outputMetadata.map((metadata) => {
      const { name, dtype, dims } = declared(metadata);
      return dims.length > 0 ? { name, dtype, dims } : { name, dtype };
    });
  }

  /**
   * Loads a model from a path (data files beside it are found) or from its bytes.
   *
   * Throws "device-missing" without ONNX Runtime, "file-missing", "file-invalid", and
   * "model-unsupported" with ONNX Runtime's reason.
   *
   * @example const model = await OrtModel.load("model.onnx");
   */
  static async load(model: string | Uint8Array): Promise<OrtModel> {
    const ort = await loadOrt();
    const options = { executionProviders: ["cpu"], logSeverityLevel: 4 } as const;
    try {
      // Two calls, because create() is overloaded.
      const session =
        typeof model === "string"
          ? await ort.InferenceSession.create(model, options)
          : await ort.InferenceSession.create(model, options);
      return new OrtModel(ort, session);
    } catch (error) {
      throw loadError(typeof model === "string" ? `the model "${model}"` : "the model", error);
    }
  }

  /** Computes all outputs. The feeds must hold every input, in the declared types. */
  async run(feeds: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>> {
    const converted: Record<string, OrtTypes.Tensor> = {};
    for (const [name, { dtype, data, dims }] of feeds) {
      converted[name] = new this.ort.Tensor(dtype, data as Float32Array, dims) as OrtTypes.Tensor;
    }
    try {
      const results = await this.session.run(converted, { logSeverityLevel: 4 });
      return new Map(Object.entries(results).map(([name, t]) => [name, fromOrt(name, t)]));
    } catch (error) {
      if (error instanceof RekindleError) throw error;
      throw new RekindleError("model-invalid", `ONNX Runtime: ${messageOf(error)}`, {
        fix: "see whether the shapes of the inputs suit the model",
        cause: error,
      });
    }
  }

  async dispose(): Promise<void> {
    await this.session.release();
  }
}

function declared(metadata: OrtTypes.InferenceSession.ValueMetadata): GraphInput {
  const { name } = metadata;
  if (metadata.isTensor) return { name, dtype: dtypeOf(name, metadata.type), dims: metadata.shape };
  throw new RekindleError("model-unsupported", `"${name}" is no tensor`, {
    fix: "export the model with tensors as its inputs and outputs",
  });
}

function dtypeOf(name: string, type: string): DType {
  if ((dtypes as readonly string[]).includes(type)) return type as DType;
  throw new RekindleError(
    "model-unsupported",
    `"${name}" holds ${type}, which Rekindle cannot hold`,
  );
}

function fromOrt(name: string, tensor: OrtTypes.OnnxValue): Tensor {
  const { type, data, dims } = tensor as OrtTypes.Tensor;
  const dtype = dtypeOf(name, type);
  // Newer Nodes have a Float16Array, which ONNX Runtime then uses; we hold the bits.
  const { buffer, byteOffset, length } = data as TypedArray;
  const held = dtype === "float16" ? new Uint16Array(buffer, byteOffset, length) : data;
  return new Tensor(dtype, held as TypedArray, dims);
}

function loadError(what: string, cause: unknown): RekindleError {
  if (cause instanceof RekindleError) return cause;
  const reason = messageOf(cause);
  const failed = `${what} cannot be loaded: ${reason}`;
  if (/doesn't exist|does not exist|No such file/i.test(reason)) {
    const fix = "check the path; data files must lie beside the model";
    return new RekindleError("file-missing", failed, { fix, cause });
  }
  if (/protobuf|parsing|ModelProto|no graph/i.test(reason)) {
    const fix = "the file is no ONNX model, or is cut off: download or export it again";
    return new RekindleError("file-invalid", failed, { fix, cause });
  }
  const fix = "export the model again, with a newer exporter or another opset";
  return new RekindleError("model-unsupported", failed, { fix, cause });
}
