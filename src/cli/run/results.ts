import { RekindleError } from "../../errors.ts";
import { formatShape, newArray, sameShape, sizeOf, Tensor } from "../../tensor/index.ts";

/** The outputs that belong together: of one picture, or of a whole run. */
export interface Result {
  /** The picture's file; undefined where the input was no picture. */
  readonly picture?: string;
  readonly outputs: ReadonlyMap<string, Tensor>;
}

/**
 * Splits the outputs of a batch by picture and drops those of padding. Throws "usage" where an
 * output does not say which part of it belongs to which picture.
 */
export function splitByPicture(
  outputs: ReadonlyMap<string, Tensor>,
  pictures: readonly string[],
  batch: number,
): Result[] {
  if (pictures.length === 0) return [{ outputs }];
  if (batch === 1) return [{ picture: pictures[0]!, outputs }];
  for (const [name, { dims }] of outputs) {
    if (dims[0] === batch) continue;
    throw new RekindleError(
      "usage",
      `output "${name}" is ${formatShape(dims)} for a batch of ${batch} pictures, ` +
        "so it cannot be told which part belongs to which picture",
      { fix: "run one picture at a time" },
    );
  }
  return pictures.map((picture, n) => {
    const own = [...outputs].map(([name, tensor]) => [name, itemOf(tensor, n)] as const);
    return { picture, outputs: new Map(own) };
  });
}

/** Item `n` of a batch, as a batch of one; shares the data. */
function itemOf({ dtype, data, dims }: Tensor, n: number): Tensor {
  const item = [1, ...dims.slice(1)];
  const length = sizeOf(item);
  return new Tensor(dtype, data.subarray(n * length, (n + 1) * length), item);
}

/** The results of one output as one tensor, joined along the first dimension. */
export function joinResults(results: readonly Result[], name: string): Tensor {
  const parts = results.map((r) => r.outputs.get(name)!);
  const [first] = parts;
  if (parts.length === 1) return first!;
  const rest = first!.dims.slice(1);
  const other = parts.find((p) => p.dims.length === 0 || !sameShape(p.dims.slice(1), rest));
  if (other) {
    throw new RekindleError(
      "usage",
      `output "${name}" is ${formatShape(first!.dims)} for one picture and ` +
        `${formatShape(other.dims)} for another: they do not fit into one file`,
      { fix: "pass --size HxW, or run one picture at a time" },
    );
  }
  const data = newArray(
    first!.dtype,
    parts.reduce((sum, p) => sum + p.size, 0),
  );
  let at = 0;
  for (const part of parts) {
    (data as Float32Array).set(part.data as Float32Array, at);
    at += part.size;
  }
  return new Tensor(first!.dtype, data, [parts.reduce((sum, p) => sum + p.dims[0]!, 0), ...rest]);
}
