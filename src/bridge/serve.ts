import { availableParallelism } from "node:os";
import type { Readable, Writable } from "node:stream";
import { messageOf, RekindleError } from "../errors.ts";
import { Devices } from "./devices.ts";
import { FrameReader, frameOf } from "./frames.ts";
import { HostedModel } from "./hosted-model.ts";
import { protocolVersion, type Request, readRequest } from "./messages.ts";

/** The two ends of the other process's pipes. */
export interface BridgeStreams {
  readonly input: Readable;
  readonly output: Writable;
}

/**
 * Answers requests until the other side closes its end: PyTorch's side of the bridge starts this
 * in a process of its own (python/rekindle_torch/bridge). Every request is answered with its id;
 * requests of different models run at the same time.
 *
 * Throws "bridge" where the stream cannot be followed.
 */
export async function serveBridge({ input, output }: BridgeStreams): Promise<void> {
  const engine = new BridgeEngine();
  const frames = new FrameReader();
  const stayAwake = wakefulness();
  const reply = async (message: unknown) => {
    output.write(frameOf(await engine.answer(message)));
    stayAwake();
  };
  try {
    await new Promise<void>((resolve, reject) => {
      // Events rather than `for await`, which costs every request a tenth of a millisecond.
      input.on("data", (chunk: Buffer) => {
        try {
          for (const message of frames.push(chunk)) void reply(message);
        } catch (error) {
          reject(error);
        }
      });
      input.on("end", resolve);
      input.on("error", reject);
    });
  } finally {
    await engine.close();
  }
}

/** How long to look for the next request before sleeping, and on how many cores at least. */
const awakeMs = 3;
const awakeCores = 4;

/**
 * A function that keeps the event loop turning for a while: the next request is then seen at once,
 * where waking up for it would cost up to 0.1 ms.
 */
function wakefulness(): () => void {
  if (availableParallelism() < awakeCores) return () => {};
  let until = 0;
  let isTurning = false;
  const turn = () => {
    isTurning = performance.now() < until;
    if (isTurning) setImmediate(turn);
  };
  return () => {
    until = performance.now() + awakeMs;
    if (!isTurning) turn();
  };
}

/** The models that one process on the other side has loaded. */
class BridgeEngine {
  private readonly devices = new Devices();
  private readonly models = new Map<number, HostedModel>();

  /** The reply to a message: `{ id, ok }` or `{ id, error }`. Never throws. */
  async answer(message: unknown): Promise<object> {
    const { id = null } = (message ?? {}) as { id?: unknown };
    try {
      const request = readRequest(message);
      if (typeof request === "string") throw new RekindleError("bridge", request);
      return { id, ok: await this.do(request) };
    } catch (error) {
      return { id, error: errorOf(error) };
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.models.values()].map((model) => model.dispose()));
    await this.devices.close();
  }

  private async do(request: Request): Promise<unknown> {
    switch (request.do) {
      case "hello":
        return { protocol: protocolVersion, node: process.version };
      case "device":
        return (await this.devices.open(request.device)).summary;
      case "load": {
        const device = await this.devices.open(request.device);
        const model = await HostedModel.load(device, request);
        this.models.set(request.model, model);
        return model.describe();
      }
      case "run":
        return await this.modelOf(request.model).run(request);
      case "unload": {
        const model = this.modelOf(request.model);
        this.models.delete(request.model);
        await model.dispose();
        return {};
      }
    }
  }

  private modelOf(number: number): HostedModel {
    const model = this.models.get(number);
    if (model) return model;
    throw new RekindleError("bridge", `no model ${number} is loaded`);
  }
}

function errorOf(error: unknown) {
  const known = error instanceof RekindleError;
  return {
    code: known ? error.code : "unexpected",
    message: messageOf(error),
    ...(known && error.fix !== undefined && { fix: error.fix }),
  };
}
