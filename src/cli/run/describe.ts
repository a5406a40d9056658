import { RekindleError } from "../../errors.ts";
import { isFloat, type Tensor } from "../../tensor/index.ts";
import { isPictureShape } from "../pixels.ts";

/** A class with what the network gives it. */
export interface Guess {
  readonly class: number;
  readonly label?: string;
  /** A probability in 0..1, or a score of any size. */
  readonly value: number;
}

/** What an output says, ready to be printed or written as JSON. */
export type Description = {
  readonly name: string;
  readonly dtype: string;
  readonly dims: readonly number[];
} & (
  | {
      readonly kind: "classes";
      readonly measure: "probability" | "score";
      /** The best classes of each row, best first. */
      readonly rows: readonly (readonly Guess[])[];
    }
  | ({ readonly kind: "picture" | "values" } & ValueSummary)
);

export interface ValueSummary {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** How many are NaN or infinite; those do not count in the mean. */
  readonly notFinite: number;
  readonly first: readonly number[];
}

export interface DescribeOptions {
  readonly labels: readonly string[] | undefined;
  /** How many classes to show; undefined: five, or as many as there are. */
  readonly top: number | undefined;
  /** Whether an output of the shape [N, classes] is to be read as such. */
  readonly classifies: boolean;
}

const usualTop = 5;

/** Reads an output as classes, as a picture, or as plain values, by its shape. */
export function describeOutput(
  name: string,
  tensor: Tensor,
  options: DescribeOptions,
): Description {
  const { dtype, dims } = tensor;
  const about = { name, dtype, dims };
  if (options.classifies && isClassShape(tensor)) {
    const { measure, rows } = guessesOf(name, tensor, options);
    return { ...about, kind: "classes", measure, rows };
  }
  const kind = isFloat(dtype) && isPictureShape(dims) ? "picture" : "values";
  return { ...about, kind, ...summarize(tensor) };
}

/** [N, classes], or the same with sides of length 1 behind. */
function isClassShape({ dtype, dims }: Tensor): boolean {
  const [rows, classes, ...rest] = dims;
  return isFloat(dtype) && rows! > 0 && (classes ?? 0) > 1 && rest.every((d) => d === 1);
}

function guessesOf(name: string, tensor: Tensor, { labels, top }: DescribeOptions) {
  const classes = tensor.dims[1]!;
  if (labels && labels.length !== classes) {
    throw new RekindleError(
      "usage",
      `--labels has ${labels.length} labels, output "${name}" has ${classes} classes`,
      { fix: "pass the labels that the network was trained with, one per line" },
    );
  }
  if (top !== undefined && top > classes) {
    throw new RekindleError("usage", `--top ${top}: output "${name}" has ${classes} classes`, {
      fix: `pass at most ${classes}`,
    });
  }
  const values = tensor.toNumbers();
  const rows = Array.from({ length: tensor.dims[0]! }, (_, n) =>
    values.subarray(n * classes, (n + 1) * classes),
  );
  const measure = rows.every((row) => sumsToOne(row) || !withinUnit(row)) ? "probability" : "score";
  const toValues = (row: Float64Array) =>
    measure === "score" || sumsToOne(row) ? row : softmax(row);
  const best = rows.map((row) => bestOf(toValues(row), top ?? Math.min(usualTop, classes), labels));
  return { measure, rows: best } as const;
}

const withinUnit = (row: Float64Array) => row.every((v) => v >= 0 && v <= 1);

/** True for a distribution, to the precision of float16. */
function sumsToOne(row: Float64Array): boolean {
  return withinUnit(row) && Math.abs(row.reduce((sum, v) => sum + v, 0) - 1) < 5e-3;
}

function softmax(row: Float64Array): Float64Array {
  const largest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = row.map((v) => Math.exp(v - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((v) => v / sum);
}

function bestOf(row: Float64Array, top: number, labels: readonly string[] | undefined): Guess[] {
  const order = Array.from(row.keys()).sort((a, b) => row[b]! - row[a]! || a - b);
  return order.slice(0, top).map((index) => {
    const label = labels?.[index];
    return { class: index, ...(label !== undefined && { label }), value: row[index]! };
  });
}

const firstCount = 5;

/** Extremes and mean of a tensor's values, and the first few. */
function summarize(tensor: Tensor): ValueSummary {
  const values = tensor.toNumbers();
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let finite = 0;
  for (const v of values) {
    if (v < min) min = v;
    if (v > max) max = v;
    if (!Number.isFinite(v)) continue;
    sum += v;
    finite++;
  }
  const first = [...values.subarray(0, firstCount)];
  return { min, max, mean: sum / finite, notFinite: values.length - finite, first };
}
