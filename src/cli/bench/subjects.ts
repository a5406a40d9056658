import {
  type ConvLayer,
  type ConvPoint,
  nameOfLayer,
  networkLayers,
  parseLayer,
  type Subject,
  smallLayers,
  sweepPoints,
} from "../../bench/index.ts";
import { RekindleError } from "../../errors.ts";
import { didYouMean } from "../../host/index.ts";
import { models } from "../../models/index.ts";
import { loadGraph } from "../../session/load.ts";
import type { Io } from "../io.ts";
import { randomArray } from "../run/inputs.ts";
import type { BenchOptions } from "./options.ts";

/** What is measured when nothing is named. An emulated GPU is some thousand times slower. */
const usual = {
  gpu: { models: ["resnet18", "resnet50", "vgg16", "mobilenet_v2"], size: 224, limit: 200 },
  software: { models: ["squeezenet1_1"], size: 64, limit: 8 },
} as const;

const usualSeconds = 120;

/** Operations of one convolution of a sweep at most. */
const sweepFlopMax = { gpu: 2e11, software: 2e7 } as const;
const sweepBytesMax = { gpu: 512 * 2 ** 20, software: 8 * 2 ** 20 } as const;

type Speed = "gpu" | "software";

/** The layers that names choose: whole names of any layer, or parts of the usual ones' names. */
export function layersFor(names: readonly string[], speed: Speed): readonly ConvLayer[] {
  const known = speed === "gpu" ? networkLayers : [...smallLayers, ...networkLayers];
  if (names.length === 0) return speed === "gpu" ? networkLayers : smallLayers;
  const chosen = new Map<string, ConvLayer>();
  for (const name of names) {
    const exact = parseLayer(name);
    const found = exact ? [exact] : known.filter((layer) => nameOfLayer(layer).includes(name));
    if (found.length === 0) throw unknownLayer(name, known);
    for (const layer of found) chosen.set(nameOfLayer(layer), layer);
  }
  return [...chosen.values()];
}

function unknownLayer(name: string, known: readonly ConvLayer[]): RekindleError {
  return new RekindleError("usage", `no layer is called "${name}"`, {
    fix:
      didYouMean(name, known.map(nameOfLayer)) ??
      "name it as in c64-56x56-k128-3x3-s2, or see rekindle bench conv --list",
  });
}

export function convPoints(
  names: readonly string[],
  { batch = [1] }: BenchOptions,
  speed: Speed,
): ConvPoint[] {
  return layersFor(names, speed).flatMap((layer) => batch.map((n) => ({ layer, batch: n })));
}

/** The points of a sweep, and the moment of `performance.now` at which it has to end. */
export function sweepFor({ limit, seconds, seed, batch }: BenchOptions, speed: Speed) {
  const points = sweepPoints({
    limit: limit ?? usual[speed].limit,
    seed: seed ?? 1,
    flopMax: sweepFlopMax[speed],
    bytesMax: sweepBytesMax[speed],
    ...(batch && { batches: batch }),
  });
  return { points, seconds: seconds ?? usualSeconds };
}

/** A network that is made or read when its turn comes. */
interface Named {
  readonly name: string;
  /** As asked for; a file may decide for itself where nothing was. */
  readonly batch: number;
  readonly load: () => Promise<Subject>;
}

/** The networks that names choose: built-in ones, or files. */
export async function subjectsFor(
  names: readonly string[],
  options: Pick<BenchOptions, "batch" | "size">,
  speed: Speed,
  io: Io,
): Promise<Named[]> {
  const chosen = names.length > 0 ? names : usual[speed].models;
  for (const name of chosen) if (!models.has(name)) await checkModelFile(name, io);
  return chosen.flatMap((name) =>
    (options.batch ?? [undefined]).map((batch) => {
      const load = () => subjectOf(name, batch, options, speed, io);
      return { name, batch: batch ?? 1, load };
    }),
  );
}

async function checkModelFile(name: string, { host }: Io): Promise<void> {
  if (/[./\\]/.test(name) || (await host.exists(name))) {
    await host.checkFile(name, "model");
    return;
  }
  throw new RekindleError("usage", `there is no network "${name}"`, {
    fix: didYouMean(name, models.keys()) ?? `choose one of ${[...models.keys()].join(", ")}`,
  });
}

async function subjectOf(
  name: string,
  wanted: number | undefined,
  { size }: Pick<BenchOptions, "size">,
  speed: Speed,
  { host }: Io,
): Promise<Subject> {
  const model = models.get(name);
  const side = usual[speed].size;
  if (model) {
    if (size && size.height !== size.width) {
      const what = `${name} takes square pictures, --size is ${size.height}x${size.width}`;
      throw new RekindleError("usage", what, { fix: `pass --size ${size.height}` });
    }
    const graph = model.build({ imageSize: size?.height ?? side });
    const batch = wanted ?? 1;
    return { name, graph, batch, feeds: feedsOf(graph.inputs, batch, size) };
  }
  const path = host.resolve(name);
  const graph = await loadGraph(path);
  const fixed = graph.inputs[0]?.dims[0];
  const batch = wanted ?? (typeof fixed === "number" ? fixed : 1);
  const feeds = feedsOf(graph.inputs, batch, size ?? { height: side, width: side });
  return { name, graph, path, batch, feeds };
}

function feedsOf(
  inputs: Subject["graph"]["inputs"],
  batch: number,
  size: BenchOptions["size"],
): Subject["feeds"] {
  return Object.fromEntries(
    inputs.map((input) => {
      const fixed = input.dims[0];
      if (typeof fixed === "number" && fixed !== batch) {
        const what = `--batch ${batch}: input "${input.name}" takes batches of ${fixed} only`;
        throw new RekindleError("usage", what, { fix: `pass --batch ${fixed}` });
      }
      return [input.name, randomArray(input, batch, size)];
    }),
  );
}
