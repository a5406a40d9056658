import { type ConvLayer, nameOfLayer, networkLayers } from "../bench/conv-layer.ts";
import {
  type Case,
  convCase,
  type Experiment,
  experimentsFor,
  type Limits,
  type NetworkCase,
  type Target,
  toleranceFor,
} from "../trial/index.ts";
import type { CriterionId } from "./criteria.ts";
import { sweepCases } from "./shapes.ts";

/** How much is done. */
export interface Extent {
  readonly shapes: number;
  readonly soakSeconds: number;
  /** Height and width of networks' pictures. */
  readonly imageSize: number;
  /** Pictures at once where speed is measured. */
  readonly batch: number;
  readonly seed: number;
}

export const full = { shapes: 500, soakSeconds: 60, imageSize: 224, batch: 8, seed: 1 } as const;
/** For machines without a card: a minute or two. */
export const quick = { shapes: 60, soakSeconds: 5, imageSize: 32, batch: 1, seed: 1 } as const;

/** Shapes and minutes from which on a criterion counts as met. */
export const shapesMin = 500;
export const soakMinutesMin = 30;

/** A part of a validation: an experiment that tells something of a criterion. */
export interface Part {
  readonly criterion: CriterionId;
  readonly experiment: Experiment;
}

/** A list of cases with the errors up to which they are right. */
interface ListedCase {
  readonly id: string;
  readonly case: Case;
  readonly tolerance: number;
}

const listed = (id: string, one: Case): ListedCase => ({
  id,
  case: one,
  tolerance: toleranceFor(one),
});

/** What is run, in its order: what proves the least and fails the soonest comes first. */
export function planFor(target: Target, extent: Extent, device: string | undefined): Part[] {
  const { shapes, seed, soakSeconds } = extent;
  const part = (
    criterion: CriterionId,
    name: string,
    order: Readonly<Record<string, unknown>>,
    more: { readonly seconds?: number; readonly tolerance?: number } = {},
  ): Part => ({
    criterion,
    experiment: {
      id: `${target.name}/${name}`,
      proves: name,
      risk: "hang",
      needs: [],
      limits: limitsFor(more.seconds ?? 0),
      order: { ...order, seed, ...(device !== undefined && { device }) },
      tolerance: more.tolerance ?? 0,
      switches: [],
    },
  });
  const matrix = experimentsFor(target).flatMap(({ id, case: one }) =>
    one && one.task !== "network" && one.task !== "compile" ? [listed(id, one)] : [],
  );
  const chunks = chunksOf(
    sweepCases(shapes, seed).map(({ id, case: one }) => listed(id, one)),
    100,
  );
  return [
    part("convolutions", "matrix", { kind: "cases", cases: matrix }),
    ...chunks.map((cases, i) =>
      part("convolutions", `shapes-${i + 1}-of-${chunks.length}`, { kind: "cases", cases }),
    ),
    ...[1, 2].map((n) =>
      part("reproducible", `repeat-${n}`, { kind: "repeat", times: 3, cases: repeated() }),
    ),
    part("models", "models", { kind: "cases", cases: networks(target, extent), cpu: true }),
    ...(target.name === "torch"
      ? [part("models", "training", { kind: "training", steps: 60 }, { tolerance: 0.05 })]
      : []),
    part("speed", "speed", speedOrder(target, extent)),
    part(
      "stability",
      "soak",
      { kind: "soak", seconds: soakSeconds, cases: soaked(extent) },
      { seconds: soakSeconds },
    ),
  ];
}

const minuteMs = 60_000;

/**
 * Parts do many things in one process. Each of them may take long: where MIOpen compiles for every
 * shape, a network's first run takes half an hour.
 */
function limitsFor(seconds: number): Limits {
  const timeMs = 360 * minuteMs + 1500 * seconds;
  return { timeMs, quietMs: 40 * minuteMs, memoryBytes: 24e9, cpuSeconds: 1e6 };
}

const network = (name: string, imageSize: number, batch = 1): NetworkCase => ({
  task: "network",
  network: name,
  imageSize,
  batch,
  steps: 0,
  dtype: "float32",
});

const modelNames = ["resnet18", "resnet50", "vgg16", "mobilenet_v2", "densenet121", "unet"];

function networks({ name }: Target, { imageSize }: Extent): ListedCase[] {
  // ONNX Runtime is compared with references in plain loops: small pictures take seconds there.
  const size = name === "ort" ? 32 : imageSize;
  return modelNames.map((model) => listed(model, network(model, size)));
}

/** Few numbers come out of these, so that a difference can be shown. */
function repeated(): ListedCase[] {
  return [
    listed("3x3", convCase()),
    listed("1x1", convCase({ kernel: [1, 1], padding: 0, channels: 256, filters: 32 })),
    listed("depthwise", convCase({ groups: 16, filters: 16 })),
    listed("strided 7x7", convCase({ kernel: [7, 7], padding: 3, stride: 2, channels: 3 })),
    listed("deep", convCase({ channels: 512, filters: 16, size: [7, 7] })),
    listed("resnet18", network("resnet18", 64, 2)),
  ];
}

/** Networks and layers that load a card; of all kinds, so that memory and clocks move. */
function soaked({ imageSize, batch }: Extent): ListedCase[] {
  const size = Math.min(56, imageSize);
  return [
    listed("resnet50", network("resnet50", imageSize, batch)),
    listed("3x3", convCase({ channels: 64, filters: 64, size: [size, size], batch: 4 * batch })),
    listed("mobilenet_v2", network("mobilenet_v2", imageSize, batch)),
    listed("odd", convCase({ channels: 13, filters: 17, size: [37, 41] })),
    listed("resnet18", network("resnet18", imageSize, 2 * batch)),
    listed("1x1", convCase({ kernel: [1, 1], padding: 0, channels: 256, filters: 128 })),
  ];
}

/** The class of a layer, by what limits it. */
export function classOf({ R, S, C, G }: Pick<ConvLayer, "R" | "S" | "C" | "G">): string {
  if (G > 1) return G === C ? "depthwise" : "groups";
  if (R === 1 && S === 1) return "1x1";
  return R === 3 && S === 3 ? "3x3" : "larger kernels";
}

const speedModels = ["resnet18", "resnet50", "vgg16", "mobilenet_v2"];

function speedOrder(
  { name }: Target,
  { batch, imageSize }: Extent,
): Readonly<Record<string, unknown>> {
  const isSmall = imageSize < 224;
  // A card wants larger ones before it shows its rate than a CPU does.
  const matrixSize = isSmall ? 512 : name === "ort" ? 2048 : 4096;
  const layers = networkLayers
    .filter((layer) => !isSmall || (layer.H <= 28 && layer.C <= 256))
    .map((layer) => ({ ...layer, name: nameOfLayer(layer), class: classOf(layer) }));
  const models = isSmall ? ["resnet18"] : speedModels;
  return { kind: "speed", layers, models, batch, imageSize, matrixSize };
}

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, i) => items.slice(i * size, (i + 1) * size));
}
