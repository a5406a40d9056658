import { OrtModel } from "../cpu/index.ts";
import type { GraphOutput } from "../graph/index.ts";
import { Tensor } from "../tensor/index.ts";
import { checkDimensions, fixDimensions } from "./feeds.ts";
import type { RunFeeds } from "./lane.ts";
import { checkModel, isGraph, type Model, timed } from "./load.ts";
import type { DeviceSummary, Runner, SessionOptions, SessionStats, ValueInfo } from "./types.ts";

/** Runs a model through ONNX Runtime on the CPU, in the types that the model declares. */
export class CpuRunner implements Runner {
  readonly precision = "f32";
  readonly device: DeviceSummary;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly GraphOutput[];
  private readonly model: OrtModel;
  private readonly loadMs: number;
  private runs = 0;
  private lastRunMs = 0;
  /** The last run that was asked for: runs go one after the other. */
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(
    device: DeviceSummary,
    model: OrtModel,
    loadMs: number,
    dimensions: Readonly<Record<string, number>>,
  ) {
    checkDimensions(model.inputs, dimensions);
    this.device = device;
    this.model = model;
    this.loadMs = loadMs;
    this.inputs = fixDimensions(model.inputs, dimensions);
    this.outputs = fixDimensions(model.outputs, dimensions);
  }

  static async create(device: DeviceSummary, model: Model, options: SessionOptions) {
    const { onProgress = () => {}, dimensions = {}, precision } = options;
    const { result, ms } = await timed("load", onProgress, () => load(model));
    const note = precision?.startsWith("f16")
      ? "; float16 was asked for, the CPU computes in float32"
      : "";
    const summary = { ...device, reason: device.reason + note };
    return new CpuRunner(summary, result, ms, dimensions);
  }

  get stats(): SessionStats {
    return {
      loadMs: this.loadMs,
      optimizeMs: 0,
      compileMs: 0,
      weightBytes: 0,
      activationBytes: 0,
      stagingBytes: 0,
      peakBytes: 0,
      dispatches: 0,
      tunings: { used: 0, ignored: [] },
      runs: this.runs,
      lastRunMs: this.lastRunMs,
    };
  }

  run(feeds: RunFeeds): Promise<Map<string, Tensor>> {
    const result = this.turn.then(() => this.runNow(feeds));
    this.turn = result.catch(() => {});
    return result;
  }

  private async runNow(feeds: RunFeeds): Promise<Map<string, Tensor>> {
    const tensors = new Map<string, Tensor>();
    for (const [name, feed] of feeds) {
      tensors.set(name, feed instanceof Tensor ? feed : await feed.read());
    }
    const start = performance.now();
    const outputs = await this.model.run(tensors);
    this.lastRunMs = performance.now() - start;
    this.runs++;
    return outputs;
  }

  dispose(): Promise<void> {
    return this.model.dispose();
  }
}

/** Where ONNX Runtime finds fault with a file, our own reader tells better what it is. */
async function load(model: Model): Promise<OrtModel> {
  try {
    return await OrtModel.load(isGraph(model) ? await onnxOf(model) : model);
  } catch (error) {
    await checkModel(model);
    throw error;
  }
}

async function onnxOf(graph: Exclude<Model, string | Uint8Array>): Promise<Uint8Array> {
  const { writeOnnx } = await import("../onnx/write.ts");
  return writeOnnx(graph);
}
