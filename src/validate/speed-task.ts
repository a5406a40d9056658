import { measureConvs, measureModel, measureRoofline, type Roofline } from "../bench/index.ts";
import type { OpenDevice } from "../session/index.ts";
import { nodeCase } from "../trial/node-case.ts";
import type { Say } from "../trial/node-step.ts";
import { measureCpuLayer, measureCpuRoofline } from "./cpu-speed.ts";
import type { MeasuredTime } from "./criteria.ts";
import type { NodeTaskOrder, TaskResult } from "./node-order.ts";

/** Samples of a time: enough for a median, few enough for minutes in all. */
const timing = { warmUpMs: 500, samples: 10, budgetMs: 800 };

type Time = Omit<MeasuredTime, "what">;

/** Layers and networks by what the device could do at best, as measured in the same process. */
export async function speed(
  device: OpenDevice,
  order: NodeTaskOrder,
  say: Say,
): Promise<TaskResult> {
  const { gpu } = device;
  const onStep = (step: string) => say({ at: step });
  const roofline = gpu
    ? await measureRoofline(gpu, onStep)
    : await measureCpuRoofline(device, order.matrixSize, onStep);
  const refused: string[] = [];
  const layers = gpu
    ? await layersOnGpu(gpu, roofline, order, refused, say)
    : await layersOnCpu(device, roofline, order, say);
  const models: Time[] = [];
  for (const name of order.models) {
    const one = await measureNetwork(device, roofline, name, order, say);
    if ("kind" in one) refused.push(`${name}: ${one.reason}`);
    else {
      const { onDeviceMs, wholeMs, boundMs = 0 } = one;
      const { batch, imageSize } = order;
      models.push({ name, batch, imageSize, ms: onDeviceMs ?? wholeMs, boundMs });
    }
  }
  const { bytes, bytesPerSecond } = roofline.bandwidth.at(-1)!;
  const copied = gpu ? "a copy" : "ONNX Runtime's Neg";
  const data = {
    flopPerSecond: roofline.flopPerSecond.f32,
    flopBy: gpu ? "multiplications in registers" : "ONNX Runtime's best matrix product",
    bytesPerSecond,
    bytesBy: `${copied} of ${bytes / 2 ** 21} MiB; small layers at the rate of small ones`,
    layers,
    models,
    refused,
  };
  return { error: refused.length, output: "times", data };
}

async function layersOnGpu(
  gpu: NonNullable<OpenDevice["gpu"]>,
  roofline: Roofline,
  { batch, layers }: NodeTaskOrder,
  refused: string[],
  say: Say,
): Promise<Time[]> {
  const points = layers.map((layer) => ({ layer, batch }));
  const found = await measureConvs(gpu, points, {
    precision: "f32",
    roofline,
    timing,
    onProgress: (_, __, name) => say({ at: name }),
  });
  const classes = new Map(layers.map((layer) => [layer.name, layer.class]));
  const times: Time[] = [];
  for (const one of found) {
    if ("kind" in one) refused.push(`${one.name}: ${one.reason}`);
    else {
      const { name, onDeviceMs: ms, boundMs } = one;
      times.push({ name, class: classes.get(name)!, batch, ms, boundMs });
    }
  }
  return times;
}

async function layersOnCpu(
  device: OpenDevice,
  roofline: Roofline,
  { batch, layers }: NodeTaskOrder,
  say: Say,
): Promise<Time[]> {
  const times: Time[] = [];
  for (const layer of layers) {
    say({ at: layer.name });
    const measured = await measureCpuLayer(device, layer, batch, roofline);
    times.push({ name: layer.name, class: layer.class, batch, ...measured });
  }
  return times;
}

function measureNetwork(
  device: OpenDevice,
  roofline: Roofline,
  name: string,
  { batch, imageSize, seed }: NodeTaskOrder,
  say: Say,
) {
  const network = { task: "network", network: name, imageSize, batch, steps: 0 } as const;
  const { graph, feeds } = nodeCase({ ...network, dtype: "float32" }, seed);
  const subject = { name, graph, batch, feeds: Object.fromEntries(feeds) };
  return measureModel(device, subject, {
    precision: "f32",
    roofline,
    against: [],
    withLayers: false,
    runs: { ...timing, budgetMs: 2000 },
    timing,
    onStep: (step) => say({ at: `${name}: ${step}` }),
  });
}
