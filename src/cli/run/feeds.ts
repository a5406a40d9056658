import { RekindleError } from "../../errors.ts";
import type { GraphOutput } from "../../graph/index.ts";
import type { Host } from "../../host/index.ts";
import type { ValueInfo } from "../../session/index.ts";
import { formatShape, type Tensor } from "../../tensor/index.ts";
import { decodePicture, type Picture } from "../image.ts";
import type { NamedFile } from "../options.ts";
import { toTensor } from "../pixels.ts";
import { checkElements, describeValue, randomArray, readArrays, requireNone } from "./inputs.ts";
import {
  type PictureOptions,
  type Preprocessing,
  pictureInput,
  preprocessingFor,
} from "./pictures.ts";

export interface FeedOptions extends PictureOptions {
  readonly image?: readonly string[];
  readonly input?: readonly NamedFile[];
  readonly batch?: number;
  readonly random?: boolean;
}

/** The values for one run. */
export interface Batch {
  readonly feeds: ReadonlyMap<string, Tensor>;
  /** The files of its pictures; fewer than the batch has places where it was padded. */
  readonly pictures: readonly string[];
}

/** What will be run, batch by batch; `batches` can be asked for again. */
export interface FeedPlan {
  /** Pictures, or rows, per run. */
  readonly batch: number;
  readonly runs: number;
  /** What a batch is made of. */
  readonly unit: "images" | "items";
  /** One line per input for the summary. */
  readonly summary: readonly string[];
  batches(): AsyncGenerator<Batch>;
}

/** The most pictures that are run together when the user does not say. */
const usualBatchMax = 32;

/** Decides what each input is fed with; throws "usage" where something is missing. */
export async function planFeeds(
  inputs: readonly ValueInfo[],
  outputs: readonly GraphOutput[],
  options: FeedOptions,
  host: Host,
): Promise<FeedPlan> {
  const arrays = await readArrays(inputs, options.input ?? [], host);
  const summary = [...arrays].map(([name, t]) => `"${name}" ${t.dtype} ${formatShape(t.dims)}`);
  let missing = inputs.filter((v) => !arrays.has(v.name));
  const files = options.image ?? [];
  if (files.length === 0) return planArrays(arrays, missing, summary, options);
  const input = pictureInput(missing);
  missing = missing.filter((v) => v !== input);
  const preprocessing = preprocessingFor(input, outputs, options);
  const batch = batchFor(preprocessing, files.length, options.batch);
  const { size, channels } = preprocessing.spec;
  if (size) checkElements(preprocessing.input, batch * channels * size.height * size.width);
  fillRandom(arrays, missing, summary, batch, options);
  for (const file of files) await host.checkFile(file, "picture");
  summary.unshift(preprocessing.summary);
  const plan = { preprocessing, files, batch, arrays, host };
  const runs = Math.ceil(files.length / batch);
  return { batch, runs, unit: "images", summary, batches: () => batchesOf(plan) };
}

/** A single run of arrays and random numbers. */
function planArrays(
  arrays: Map<string, Tensor>,
  missing: readonly ValueInfo[],
  summary: string[],
  options: FeedOptions,
): FeedPlan {
  if (options.batch !== undefined && !missing.some((v) => typeof v.dims[0] === "string")) {
    checkFixedBatch(missing, options.batch);
  }
  fillRandom(arrays, missing, summary, options.batch ?? 1, options);
  const [first] = arrays.values();
  const batch = first?.dims[0] ?? 1;
  const unit = first?.dims.length === 4 ? "images" : "items";
  async function* batches() {
    yield { feeds: arrays, pictures: [] };
  }
  return { batch, runs: 1, unit, summary, batches };
}

function checkFixedBatch(missing: readonly ValueInfo[], batch: number): void {
  const other = missing.find((v) => v.dims[0] !== batch);
  if (missing.length > 0 && !other) return;
  const why = other ? `the batch of ${describeValue(other)} is fixed` : "it is that of the arrays";
  throw new RekindleError("usage", `--batch ${batch} does not apply: ${why}`, {
    fix: "leave --batch out",
  });
}

function fillRandom(
  arrays: Map<string, Tensor>,
  missing: readonly ValueInfo[],
  summary: string[],
  batch: number,
  options: FeedOptions,
): void {
  if (!options.random) requireNone(missing);
  for (const input of missing) {
    const tensor = randomArray(input, batch, options.size);
    arrays.set(input.name, tensor);
    summary.push(`"${input.name}" ${input.dtype} ${formatShape(tensor.dims)}, random`);
  }
}

/** Pictures per run: the network's, the user's, or as many as there are up to a bound. */
function batchFor({ input, spec }: Preprocessing, count: number, wanted: number | undefined) {
  const fixed = input.dims[0];
  if (typeof fixed === "number") {
    if (wanted === undefined || wanted === fixed) return fixed;
    throw new RekindleError(
      "usage",
      `--batch ${wanted}: the network takes batches of ${fixed} only`,
      { fix: "leave --batch out: a last batch that is not full is padded" },
    );
  }
  // Pictures in their own sizes may differ, so they are run one by one unless asked otherwise.
  return Math.min(count, wanted ?? (spec.size ? usualBatchMax : 1));
}

interface PicturePlan {
  readonly preprocessing: Preprocessing;
  readonly files: readonly string[];
  readonly batch: number;
  readonly arrays: ReadonlyMap<string, Tensor>;
  readonly host: Host;
}

async function* batchesOf(plan: PicturePlan): AsyncGenerator<Batch> {
  const { files, batch, arrays, host } = plan;
  const { input, spec, normalization } = plan.preprocessing;
  for (let start = 0; start < files.length; start += batch) {
    const names = files.slice(start, start + batch);
    const pictures: Picture[] = [];
    for (const file of names) {
      const bytes = await host.readFile(file, "picture");
      pictures.push(await decodePicture(bytes, file, spec));
    }
    checkSameSize(pictures, names);
    // A batch that is not full is padded, so that every run has the same shape.
    while (pictures.length < batch) pictures.push(pictures[0]!);
    const feeds = new Map(arrays).set(input.name, toTensor(pictures, input.dtype, normalization));
    yield { feeds, pictures: names };
  }
}

function checkSameSize(pictures: readonly Picture[], names: readonly string[]): void {
  const [first] = pictures;
  const other = pictures.findIndex((p) => p.height !== first!.height || p.width !== first!.width);
  if (other < 0) return;
  const size = ({ height, width }: Picture) => `${height}x${width}`;
  throw new RekindleError(
    "input-shape",
    `the pictures of a batch differ in size: ${names[0]} is ${size(first!)}, ` +
      `${names[other]} is ${size(pictures[other]!)}`,
    { fix: "pass --size HxW, or leave --batch out to run them one by one" },
  );
}
