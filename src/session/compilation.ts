import { type Gpu, inNode } from "../gpu/index.ts";
import type { Plan } from "./plan.ts";
import type { Progress } from "./types.ts";

/** Shaders given to the device at a time: enough that its threads never wait for this one. */
const givenMax = 6;

/**
 * Compiles every shader of a plan, the longest first. In Node, Dawn has two threads for it, and
 * drivers take 0.1 to 0.3 s for a shader; so this thread helps as soon as it has nothing else to
 * do. Browsers compile in a process of their own.
 */
export class Compilation {
  private readonly gpu: Gpu;
  private readonly waiting: (readonly [wgsl: string, label: string])[];
  private readonly pipelines = new Map<string, GPUComputePipeline>();
  private readonly total: number;
  private readonly onProgress: (progress: Progress) => void;
  private readonly given: Promise<unknown>;

  constructor(gpu: Gpu, plan: Plan, onProgress: (progress: Progress) => void) {
    const labels = new Map(plan.dispatches.map(({ wgsl, label }) => [wgsl, label]));
    this.gpu = gpu;
    this.waiting = [...labels].sort(([a], [b]) => b.length - a.length);
    this.total = labels.size;
    this.onProgress = onProgress;
    onProgress({ stage: "compile", done: 0, total: this.total });
    this.given = Promise.all(Array.from({ length: givenMax }, () => this.give()));
    this.given.catch(() => {}); // `finish` reports it, but other work may fail before that.
  }

  /** All pipelines by shader text; compiles on this thread what waits for the device's. */
  async finish(): Promise<ReadonlyMap<string, GPUComputePipeline>> {
    while (inNode && this.waiting.length > 0) {
      const [wgsl, label] = this.waiting.pop()!;
      await this.keep(wgsl, this.gpu.pipelineNow(wgsl, label));
      // Others, such as what shows progress, have their turn between two.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await this.given;
    return this.pipelines;
  }

  private async give(): Promise<void> {
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      await this.keep(next[0], this.gpu.pipeline(...next));
    }
  }

  private async keep(wgsl: string, compiling: Promise<GPUComputePipeline>): Promise<void> {
    try {
      this.pipelines.set(wgsl, await compiling);
      this.onProgress({ stage: "compile", done: this.pipelines.size, total: this.total });
    } catch (error) {
      this.cancel();
      throw error;
    }
  }

  /** Compiles no further. */
  cancel(): void {
    this.waiting.length = 0;
  }
}
