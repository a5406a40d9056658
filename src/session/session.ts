import { RekindleError } from "../errors.ts";
import type { GraphOutput } from "../graph/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { CpuRunner } from "./cpu-runner.ts";
import { type OpenDevice, openDevice } from "./device.ts";
import type { DeviceTensor } from "./device-tensor.ts";
import { checkFeeds, type Feeds } from "./feeds.ts";
import { GpuRunner } from "./gpu-runner.ts";
import { type Model, requireModel } from "./load.ts";
import type {
  DeviceSummary,
  Precision,
  Runner,
  SessionOptions,
  SessionStats,
  ValueInfo,
} from "./types.ts";

/** Runs that `runMany` has under way beside the one that it waits for. */
const runsAhead = 2;

/**
 * A network, ready to run on one device.
 *
 * @example
 * const session = await Session.create("resnet50.onnx");
 * const x = new Tensor("float32", new Float32Array(3 * 224 * 224), [1, 3, 224, 224]);
 * const { logits } = await session.run({ x });
 * await session.dispose();
 */
export class Session {
  readonly device: DeviceSummary;
  /** What values are stored as on the device; the CPU always stores what the model declares. */
  readonly precision: Precision;
  readonly inputs: readonly ValueInfo[];
  /** Types and shapes are left out where neither the model nor its input sizes tell them. */
  readonly outputs: readonly GraphOutput[];
  private readonly runner: Runner;
  private readonly underWay = new Set<Promise<unknown>>();
  private disposed: Promise<void> | undefined;

  private constructor(runner: Runner) {
    this.runner = runner;
    this.device = runner.device;
    this.precision = runner.precision;
    this.inputs = runner.inputs;
    this.outputs = runner.outputs;
  }

  /**
   * Opens a device and prepares a model on it: at once where all input sizes are known, otherwise
   * at the first run with them. In Node this thread helps to compile shaders, which takes up to 0.3
   * seconds for each; what else the process does has its turn between two.
   *
   * Throws "file-missing", "file-invalid", "model-invalid", "model-unsupported" (with every node
   * that cannot run), "device-missing", "device-limit" (with both numbers) and "precision".
   *
   * @example const session = await Session.create(bytes, { device: "gpu", dimensions: { N: 8 } });
   */
  static async create(model: Model, options: SessionOptions = {}): Promise<Session> {
    requireModel(model);
    return Session.on(await openDevice(options.device), model, options, { keepOpen: false });
  }

  /** A session on a device that is open already, and that it closes unless told to keep it open. */
  static async on(
    device: OpenDevice,
    model: Model,
    options: SessionOptions,
    { keepOpen }: { readonly keepOpen: boolean },
  ): Promise<Session> {
    const { gpu, summary } = device;
    if (!gpu) return new Session(await CpuRunner.create(summary, model, options));
    const close = () => void (keepOpen || gpu.destroy());
    try {
      return new Session(await GpuRunner.create({ gpu, summary, close }, model, options));
    } catch (error) {
      close();
      throw error;
    }
  }

  /** What the session has cost so far. */
  get stats(): SessionStats {
    return this.runner.stats;
  }

  /**
   * Runs the model. Every input is given by name, in the declared type and a shape that fits;
   * every output comes back the same way. Runs may overlap: the device computes them in the order
   * of the calls. Inputs must not be changed before their run is done.
   *
   * Throws "input-name", "input-shape", "input-dtype", "device-limit", "device-lost" and
   * "disposed".
   *
   * @example const { logits } = await session.run({ x });
   */
  run(feeds: Feeds): Promise<Record<string, Tensor>> {
    return this.tracked(async () => {
      return Object.fromEntries(await this.runner.run(checkFeeds(this.inputs, feeds)));
    });
  }

  /**
   * `run` for many inputs: the next ones are sent while the present ones are computed and the last
   * ones come back. Gives the outputs in the order of the inputs.
   *
   * @example for await (const { logits } of session.runMany(batches)) console.log(logits.dims);
   */
  async *runMany(
    feeds: Iterable<Feeds> | AsyncIterable<Feeds>,
  ): AsyncGenerator<Record<string, Tensor>, void> {
    const pending: Promise<Record<string, Tensor>>[] = [];
    try {
      for await (const feed of feeds) {
        const run = this.run(feed);
        run.catch(() => {}); // Reported where it is awaited, perhaps after others.
        pending.push(run);
        if (pending.length > runsAhead) yield await pending.shift()!;
      }
      while (pending.length > 0) yield await pending.shift()!;
    } finally {
      await Promise.allSettled(pending);
    }
  }

  /**
   * `run` whose outputs stay on the device, for use as inputs of this session or of one on the
   * same device (`Session.on`); resolves as soon as the work is issued.
   *
   * Throws what `run` throws, and "usage" on the CPU.
   *
   * @example
   * const { features } = await session.runOnDevice({ x });
   * const values = await features.read();
   * features.dispose();
   */
  runOnDevice(feeds: Feeds): Promise<Record<string, DeviceTensor>> {
    return this.tracked(async () => {
      if (!this.runner.runOnDevice) {
        throw new RekindleError("usage", "a session on the CPU has no device memory", {
          fix: "use run",
        });
      }
      return Object.fromEntries(await this.runner.runOnDevice(checkFeeds(this.inputs, feeds)));
    });
  }

  /**
   * Repeats the last run's computation without transfers, and gives the milliseconds of each from
   * the call to its completion. Undefined on the CPU, and before the first run.
   *
   * @example const [first] = (await session.timeOnDevice(1)) ?? [];
   */
  timeOnDevice(count: number): Promise<readonly number[] | undefined> {
    return this.tracked(() => this.timeNow(count));
  }

  /** Frees the device once the runs in flight are done. Later runs are an error. */
  dispose(): Promise<void> {
    this.disposed ??= Promise.all(this.underWay).then(() => this.runner.dispose());
    return this.disposed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  private async timeNow(count: number): Promise<readonly number[] | undefined> {
    if (!this.runner.timeOnDevice || this.runner.stats.runs === 0) return undefined;
    const times: number[] = [];
    for (let i = 0; i < count; i++) times.push(await this.runner.timeOnDevice());
    return times;
  }

  /** Keeps the device open until `work` is done. */
  private tracked<T>(work: () => Promise<T>): Promise<T> {
    if (this.disposed) return Promise.reject(disposedError());
    const result = work();
    const done: Promise<unknown> = result.catch(() => {}).finally(() => this.underWay.delete(done));
    this.underWay.add(done);
    return result;
  }
}

function disposedError(): RekindleError {
  return new RekindleError("disposed", "the session has been disposed", {
    fix: "create a new one with Session.create",
  });
}
