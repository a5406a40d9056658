import { RekindleError } from "../errors.ts";
import type { GraphInput } from "../graph/index.ts";
import { bindDimensions } from "../passes/index.ts";
import { Tensor } from "../tensor/index.ts";
import { DeviceTensor } from "./device-tensor.ts";
import type { RunFeeds } from "./lane.ts";
import type { ValueInfo } from "./types.ts";

/** What users hand to `run`: a tensor for every input, by name. */
export type Feeds = Readonly<Record<string, Tensor | DeviceTensor>>;

/**
 * Checks the inputs of a run against what the model declares.
 *
 * Throws "input-name" (with the right names), "input-dtype", and "input-shape" (with the input,
 * the axis and both numbers).
 */
export function checkFeeds(inputs: readonly GraphInput[], feeds: Feeds): RunFeeds {
  const tensors = new Map(Object.entries(feeds));
  const names = inputs.map((input) => input.name);
  const unknown = [...tensors.keys()].find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new RekindleError("input-name", `the model has no input "${unknown}"`, {
      fix: `its inputs are ${names.map((name) => `"${name}"`).join(", ")}`,
    });
  }
  for (const [name, tensor] of tensors) {
    if (tensor instanceof Tensor || tensor instanceof DeviceTensor) continue;
    throw new RekindleError("input-dtype", `input "${name}" is no Tensor`, {
      fix: `wrap the data: new Tensor("float32", data, dims)`,
    });
  }
  const shapes = new Map([...tensors].map(([name, { dims }]) => [name, dims]));
  // No dims may stand for a scalar or, from ONNX Runtime, for a shape that is not declared.
  const declared = inputs.map((input) => {
    const given = shapes.get(input.name);
    return input.dims.length > 0 || !given ? input : { ...input, dims: given };
  });
  bindDimensions(
    { name: "", inputs: declared, outputs: [], nodes: [], constants: new Map() },
    shapes,
  );
  for (const { name, dtype } of inputs) {
    const given = tensors.get(name)!.dtype;
    if (given === dtype) continue;
    const what = `input "${name}" is ${given}, the model expects ${dtype}`;
    throw new RekindleError("input-dtype", what, { fix: `convert it: tensor.cast("${dtype}")` });
  }
  return tensors;
}

/** Puts sizes in the place of named dimensions. */
export function fixDimensions<T extends Partial<ValueInfo>>(
  values: readonly T[],
  dimensions: Readonly<Record<string, number>>,
): T[] {
  return values.map((value) => {
    const dims = value.dims?.map((d) => (Object.hasOwn(dimensions, d) ? dimensions[d]! : d));
    return dims ? { ...value, dims } : value;
  });
}

/** Throws "usage" for a dimension that no input has, or a size that is none. */
export function checkDimensions(
  inputs: readonly GraphInput[],
  dimensions: Readonly<Record<string, number>>,
): void {
  const names = new Set(inputs.flatMap(({ dims }) => dims.filter((d) => typeof d === "string")));
  for (const [name, size] of Object.entries(dimensions)) {
    if (!names.has(name)) {
      const list = [...names].map((n) => `"${n}"`).join(", ");
      throw new RekindleError("usage", `the model has no dimension named "${name}"`, {
        fix: list ? `its named dimensions are ${list}` : "all of its sizes are fixed",
      });
    }
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new RekindleError("usage", `dimension "${name}" cannot be ${size}`, {
        fix: "give a whole number of 1 or more",
      });
    }
  }
}
