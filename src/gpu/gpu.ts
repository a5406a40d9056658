import { RekindleError } from "../errors.ts";
import type { DeviceTraits } from "../kernels/kernel.ts";

/** What an adapter says of itself. */
export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** "software" is a CPU that emulates a GPU (lavapipe, SwiftShader); "null" never computes. */
  readonly kind: "gpu" | "software" | "null";
}

/** An open GPU: the device, what kernels may use of it, and its compiled pipelines. */
export class Gpu {
  readonly device: GPUDevice;
  readonly info: AdapterInfo;
  readonly traits: DeviceTraits;
  /** Keyed by the full shader text, so that a key can never be wrong. */
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(device: GPUDevice, info: AdapterInfo, traits: DeviceTraits) {
    this.device = device;
    this.info = info;
    this.traits = traits;
  }

  /** The compiled shader; compiled once per text, without blocking. Entry point `main`. */
  pipeline(wgsl: string, label: string): Promise<GPUComputePipeline> {
    const known = this.pipelines.get(wgsl);
    if (known) return known;
    const made = this.compile(wgsl, label);
    this.pipelines.set(wgsl, made);
    return made;
  }

  private async compile(code: string, label: string): Promise<GPUComputePipeline> {
    const module = this.device.createShaderModule({ code, label });
    try {
      return await this.device.createComputePipelineAsync({
        label,
        layout: "auto",
        compute: { module, entryPoint: "main" },
      });
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

  destroy(): void {
    this.pipelines.clear();
    this.device.destroy();
  }
}
