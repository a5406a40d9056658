import type { Gpu } from "../gpu/index.ts";

/** The clock of the GPU itself, or this process's around submission and completion. */
export type ClockSource = "timestamps" | "wall";

/** Work that can be issued any number of times, such as a `BoundProgram`. */
export interface Timeable {
  encode(pass: GPUComputePassEncoder, times: number): void;
}

/** Times what is encoded into one compute pass. */
export interface Timer {
  readonly source: ClockSource;
  /** Submits one pass, waits for its end, and gives the milliseconds that it took. */
  measure(encode: (pass: GPUComputePassEncoder) => void): Promise<number>;
  destroy(): void;
}

/**
 * Turns off Dawn's rounding of timestamps to 65 us, which it does so that pages cannot spy on each
 * other. Devices that are opened to be measured pass this on to `openGpu`.
 */
export const exactTimestamps = "-timestamp_quantization";

/** The best clock that a device offers. */
export function timerOf(gpu: Gpu): Timer {
  return gpu.device.features.has("timestamp-query") ? timestampTimer(gpu) : wallTimer(gpu);
}

function timestampTimer(gpu: Gpu): Timer {
  const { device } = gpu;
  const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const querySet = device.createQuerySet({ type: "timestamp", count: 2 });
  const resolved = device.createBuffer({ size: 16, usage: QUERY_RESOLVE | COPY_SRC });
  const staging = device.createBuffer({ size: 16, usage: MAP_READ | COPY_DST });
  return {
    source: "timestamps",
    async measure(encode) {
      const { verdict } = gpu.watch("timing", () => {
        const encoder = device.createCommandEncoder();
        const timestampWrites = {
          querySet,
          beginningOfPassWriteIndex: 0,
          endOfPassWriteIndex: 1,
        };
        const pass = encoder.beginComputePass({ timestampWrites });
        encode(pass);
        pass.end();
        encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
        encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16);
        device.queue.submit([encoder.finish()]);
      });
      try {
        await Promise.all([verdict, staging.mapAsync(GPUMapMode.READ)]);
      } catch (error) {
        throw await gpu.explain(error);
      }
      const [begin, end] = new BigUint64Array(staging.getMappedRange());
      const nanoseconds = Number(end! - begin!);
      staging.unmap();
      return nanoseconds / 1e6;
    },
    destroy() {
      querySet.destroy();
      resolved.destroy();
      staging.destroy();
    },
  };
}

function wallTimer(gpu: Gpu): Timer {
  const { device } = gpu;
  return {
    source: "wall",
    async measure(encode) {
      const start = performance.now();
      const { verdict } = gpu.watch("timing", () => {
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        encode(pass);
        pass.end();
        device.queue.submit([encoder.finish()]);
      });
      try {
        await device.queue.onSubmittedWorkDone();
        const ms = performance.now() - start;
        await verdict;
        return ms;
      } catch (error) {
        throw await gpu.explain(error);
      }
    },
    destroy() {},
  };
}
