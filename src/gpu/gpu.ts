import { messageOf, RekindleError } from "../errors.ts";
import type { DeviceTraits } from "../kernels/kernel.ts";
import type { AdapterInfo } from "./adapters.ts";
import { MemoryMeter } from "./memory-meter.ts";

/** How long to wait for the news that a device is lost, after something on it has failed. */
const lossNewsMs = 100;

/** An open GPU: the device, what kernels may use of it, and its compiled pipelines. */
export class Gpu {
  readonly device: GPUDevice;
  readonly info: AdapterInfo;
  readonly traits: DeviceTraits;
  /** Makes and frees the buffers of all sessions on the device. */
  readonly memory: MemoryMeter;
  /** Keyed by the full shader text, so that a key can never be wrong. */
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline>>();
  private destroyed = false;
  private loss: RekindleError | undefined;

  constructor(device: GPUDevice, info: AdapterInfo, traits: DeviceTraits) {
    this.device = device;
    this.info = info;
    this.traits = traits;
    this.memory = new MemoryMeter(device);
    device.lost.then(({ message }) => {
      if (!this.destroyed) this.loss = lossError(info.name, message);
    });
  }

  /** The compiled shader; compiled once per text, without blocking. Entry point `main`. */
  pipeline(wgsl: string, label: string): Promise<GPUComputePipeline> {
    return this.compiledOnce(wgsl, label, (d) => this.device.createComputePipelineAsync(d));
  }

  /** `pipeline` for those who would wait anyway: this thread is blocked while it compiles. */
  pipelineNow(wgsl: string, label: string): Promise<GPUComputePipeline> {
    return this.compiledOnce(wgsl, label, async (descriptor) => {
      const kinds = ["validation", "internal", "out-of-memory"] as const;
      for (const kind of kinds) this.device.pushErrorScope(kind);
      const made = this.device.createComputePipeline(descriptor);
      const errors = await Promise.all(kinds.map(() => this.device.popErrorScope()));
      const error = errors.find((found) => found !== null);
      if (error) throw new Error(error.message);
      return made;
    });
  }

  private compiledOnce(
    wgsl: string,
    label: string,
    create: (descriptor: GPUComputePipelineDescriptor) => Promise<GPUComputePipeline>,
  ): Promise<GPUComputePipeline> {
    const known = this.pipelines.get(wgsl);
    if (known) return known;
    const made = this.compile(wgsl, label, create);
    this.pipelines.set(wgsl, made);
    return made;
  }

  private async compile(
    code: string,
    label: string,
    create: (descriptor: GPUComputePipelineDescriptor) => Promise<GPUComputePipeline>,
  ): Promise<GPUComputePipeline> {
    this.device.pushErrorScope("validation");
    const module = this.device.createShaderModule({ code, label });
    this.device.popErrorScope().catch(() => {}); // The pipeline below reports the same error.
    try {
      return await create({ label, layout: "auto", compute: { module, entryPoint: "main" } });
    } catch (error) {
      const { messages } = await module.getCompilationInfo();
      const details = messages.map((m) => `${m.lineNum}:${m.linePos} ${m.message}`).join("; ");
      throw new RekindleError(
        "shader",
        `the shader "${label}" does not compile: ${details || (error as Error).message}`,
        { fix: "this is a fault of Rekindle: please report it with this message", cause: error },
      );
    }
  }

  /** Throws "device-lost" where the device is gone, "disposed" where it was closed. */
  assertUsable(): void {
    if (this.loss) throw this.loss;
    if (this.destroyed) throw new RekindleError("disposed", `${this.info.name} has been closed`);
  }

  /**
   * Does `work`, which issues GPU commands without waiting, and reports what the device finds
   * wrong with them. WebGPU tells such errors later: the result comes at once, `verdict` settles
   * when they are known.
   */
  watch<T>(what: string, work: () => T): { readonly result: T; readonly verdict: Promise<void> } {
    this.assertUsable();
    const { device } = this;
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    let result: T;
    let found: Promise<(GPUError | null)[]>;
    try {
      result = work();
    } finally {
      found = Promise.all([device.popErrorScope(), device.popErrorScope()]);
      found.catch(() => {}); // Lost devices reject it; `judge` reports that where it is awaited.
    }
    return { result, verdict: judge(what, found) };
  }

  /** `watch` for those who can wait. */
  async checked<T>(what: string, work: () => T): Promise<T> {
    const { result, verdict } = this.watch(what, work);
    await verdict;
    return result;
  }

  /** What to throw after `error`: the loss of the device where that is what lies behind it. */
  async explain(error: unknown): Promise<unknown> {
    const patience = new Promise((resolve) => setTimeout(resolve, lossNewsMs));
    if (!(error instanceof RekindleError)) await Promise.race([this.device.lost, patience]);
    if (this.loss) return this.loss;
    if (error instanceof RekindleError) return error;
    return new RekindleError("internal", `${this.info.name}: ${messageOf(error)}`, {
      cause: error,
    });
  }

  destroy(): void {
    this.destroyed = true;
    this.pipelines.clear();
    this.device.destroy();
  }
}

async function judge(what: string, found: Promise<(GPUError | null)[]>): Promise<void> {
  const [memory, invalid] = await found;
  if (memory) throw memoryError(what, memory);
  if (invalid) throw invalidError(what, invalid);
}

function lossError(name: string, message: string): RekindleError {
  const what = `the connection to ${name} was lost${message ? `: ${message}` : ""}`;
  return new RekindleError("device-lost", what, {
    fix: "create a new session; if it happens again, the driver's log tells why (Linux: `dmesg`)",
  });
}

function memoryError(what: string, error: GPUError): RekindleError {
  return new RekindleError("device-limit", `${what}: out of device memory: ${error.message}`, {
    fix: 'use smaller inputs or a smaller batch, or the CPU (device "cpu")',
  });
}

function invalidError(what: string, error: GPUError): RekindleError {
  return new RekindleError("internal", `${what}: ${error.message.trim()}`, {
    fix: "this is a fault of Rekindle: please report it with this message",
  });
}
