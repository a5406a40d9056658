import type * as OrtTypes from "onnxruntime-node";
import { loadOrt } from "../cpu/index.ts";
import { messageOf, RekindleError } from "../errors.ts";
import type { Tensor } from "../tensor/index.ts";

/** Other engines that can be timed on the same files in the same process. */
export const rivals = {
  "ort-webgpu": { provider: "webgpu", title: "ONNX Runtime WebGPU" },
  "ort-cpu": { provider: "cpu", title: "ONNX Runtime CPU" },
} as const;

export type RivalName = keyof typeof rivals;

/** A model that another engine has loaded. */
export interface Rival {
  readonly name: RivalName;
  run(): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * Loads a model with another engine, and the inputs that it will run on. ONNX Runtime's WebGPU
 * takes the system's first GPU, whatever device was chosen here.
 *
 * Throws "device-missing" with the engine's own words.
 */
async function openRival(
  name: RivalName,
  model: Uint8Array | string,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Rival> {
  const ort = await loadOrt();
  const { provider, title } = rivals[name];
  const options = { executionProviders: [provider], logSeverityLevel: 3 } as const;
  let session: OrtTypes.InferenceSession;
  try {
    // Two calls, because create() is overloaded.
    session =
      typeof model === "string"
        ? await ort.InferenceSession.create(model, options)
        : await ort.InferenceSession.create(model, options);
  } catch (error) {
    throw failed(title, error);
  }
  const converted: Record<string, OrtTypes.Tensor> = {};
  for (const [input, { dtype, data, dims }] of Object.entries(feeds)) {
    converted[input] = new ort.Tensor(dtype, data as Float32Array, dims) as OrtTypes.Tensor;
  }
  return {
    name,
    async run() {
      try {
        await session.run(converted);
      } catch (error) {
        throw failed(title, error);
      }
    },
    dispose: () => session.release(),
  };
}

function failed(title: string, error: unknown): RekindleError {
  const [reason] = messageOf(error).split("\n");
  return new RekindleError("device-missing", `${title} cannot run this: ${reason}`, {
    fix: "leave it out of --against",
    cause: error,
  });
}

/** Loads a model with every engine asked for; those that cannot say why. */
export async function openRivals(
  names: readonly RivalName[],
  model: () => Uint8Array | string,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<{ readonly open: Rival[]; readonly refused: Partial<Record<RivalName, string>> }> {
  const open: Rival[] = [];
  const refused: Partial<Record<RivalName, string>> = {};
  for (const name of names) {
    try {
      const rival = await openRival(name, model(), feeds);
      // The first run compiles, and shows whether it can run at all.
      await rival.run();
      open.push(rival);
    } catch (error) {
      refused[name] = messageOf(error);
    }
  }
  return { open, refused };
}
