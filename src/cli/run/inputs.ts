import { RekindleError } from "../../errors.ts";
import { didYouMean, type Host } from "../../host/index.ts";
import type { ValueInfo } from "../../session/index.ts";
import { formatShape, newArray, Tensor, toFloat16Bits } from "../../tensor/index.ts";
import { readNpy } from "../npy.ts";
import type { NamedFile, Size } from "../options.ts";
import { plural } from "../text.ts";

/** `"image" float32 Nx3x64x64`. */
export function describeValue({ name, dtype, dims }: ValueInfo): string {
  return `"${name}" ${dtype} ${formatShape(dims)}`;
}

/** Reads the arrays given by name, checked against the inputs of the network. */
export async function readArrays(
  inputs: readonly ValueInfo[],
  files: readonly NamedFile[],
  host: Host,
): Promise<Map<string, Tensor>> {
  const arrays = new Map<string, Tensor>();
  for (const { name, path } of files) {
    const input = findByName(inputs, name, "input");
    const tensor = readNpy(await host.readFile(path, "array"), path);
    checkArray(tensor, input, path);
    arrays.set(name, tensor);
  }
  return arrays;
}

/** The value of that name; throws "input-name" with those that there are. */
export function findByName<T extends { readonly name: string }>(
  values: readonly T[],
  name: string,
  what: "input" | "output",
): T {
  const found = values.find((v) => v.name === name);
  if (found) return found;
  const names = values.map((v) => v.name);
  throw new RekindleError(
    what === "input" ? "input-name" : "usage",
    `the network has no ${what} "${name}"`,
    {
      fix: didYouMean(name, names) ?? `its ${what}s are ${names.map((n) => `"${n}"`).join(", ")}`,
    },
  );
}

/** NumPy's names of types, where they differ from ours. */
const numpyNames: Readonly<Record<string, string>> = { bool: "bool_" };

function checkArray(tensor: Tensor, input: ValueInfo, path: string): void {
  const { name, dtype, dims } = input;
  if (tensor.dtype !== dtype) {
    throw new RekindleError(
      "input-dtype",
      `input "${name}" takes ${dtype}, ${path} holds ${tensor.dtype}`,
      { fix: `save it as numpy.save("${path}", x.astype(numpy.${numpyNames[dtype] ?? dtype}))` },
    );
  }
  const fits =
    dims.length === tensor.dims.length &&
    dims.every((d, i) => typeof d === "string" || d === tensor.dims[i]);
  if (fits) return;
  const wanted = formatShape(dims);
  const has = formatShape(tensor.dims);
  throw new RekindleError("input-shape", `input "${name}" takes ${wanted}, ${path} holds ${has}`, {
    fix: "save the array in that shape; a dimension with a name takes any size",
  });
}

/** Throws "usage" for inputs that nothing was given for, with what to pass. */
export function requireNone(missing: readonly ValueInfo[]): void {
  if (missing.length === 0) return;
  const list = missing.map(describeValue).join(", ");
  const first = missing[0]!.name;
  const what = `the network needs ${plural(missing.length, "more input")}: ${list}`;
  throw new RekindleError("usage", what, {
    fix: `pass --image FILE for a picture, --input ${first}=x.npy for an array, or --random`,
  });
}

/** Numbers in [0, 1) that repeat for equal seeds (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** More elements than this (2 GiB in float32) are no sensible input of a convolutional network. */
const elementsMax = 2 ** 29;

/** Throws "device-limit" before memory is taken for an input that nothing could run. */
export function checkElements(input: ValueInfo, count: number): void {
  if (count <= elementsMax) return;
  throw new RekindleError(
    "device-limit",
    `input "${input.name}" would have ${count} elements, at most ${elementsMax} can be run`,
    { fix: "choose a smaller --batch or --size" },
  );
}

/**
 * Random numbers in the shape of an input, the same at every call: -1 to 1 for floats, 0 or 1 for
 * integers, 0 to 255 for bytes. Free dimensions: the first is `batch`, the last two are `size`.
 */
export function randomArray(input: ValueInfo, batch: number, size: Size | undefined): Tensor {
  const { dtype } = input;
  const dims = input.dims.map((d, i) =>
    typeof d === "number" ? d : freeSize(input, i, batch, size),
  );
  const count = dims.reduce((product, d) => product * d, 1);
  checkElements(input, count);
  const next = seeded(1);
  const data = newArray(dtype, count);
  for (let i = 0; i < count; i++) {
    const x = next();
    if (dtype === "float16") data[i] = toFloat16Bits(2 * x - 1);
    else if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
      data[i] = BigInt(Math.floor(2 * x));
    } else if (dtype === "uint8") data[i] = Math.floor(256 * x);
    else data[i] = dtype.startsWith("float") ? 2 * x - 1 : Math.floor(2 * x);
  }
  return new Tensor(dtype, data, dims);
}

function freeSize(input: ValueInfo, i: number, batch: number, size: Size | undefined): number {
  const rank = input.dims.length;
  if (i === 0) return batch;
  const side = i === rank - 2 ? size?.height : i === rank - 1 ? size?.width : undefined;
  if (rank === 4 && side !== undefined) return side;
  const what = `the size of dimension ${i} ("${input.dims[i]}") of ${describeValue(input)} is free`;
  throw new RekindleError("usage", what, {
    fix:
      rank === 4 && i >= 2
        ? "pass --size HEIGHTxWIDTH"
        : `pass the array itself: --input ${input.name}=x.npy`,
  });
}
