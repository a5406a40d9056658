import { RekindleError } from "../errors.ts";
import type { Dim, Graph, GraphInput } from "../graph/index.ts";
import { formatShape, type Shape } from "../tensor/index.ts";

/**
 * Checks concrete input shapes against what the graph declares: fixed sizes must agree, and one
 * name has one size. Returns the size of every named dimension.
 *
 * Throws "input-name" where an input is missing or unknown, and "input-shape", naming the input,
 * the axis and both numbers, where a shape does not fit.
 *
 * @example bindDimensions(graph, new Map([["x", [8, 3, 224, 224]]])) // Map { "N" => 8 }
 */
export function bindDimensions(
  graph: Graph,
  shapes: ReadonlyMap<string, Shape>,
): Map<string, number> {
  const known = new Map<string, { size: number; where: string }>();
  checkNames(graph, shapes);
  for (const input of graph.inputs) {
    const dims = shapes.get(input.name)!;
    checkRank(input, dims);
    dims.forEach((size, axis) => {
      const where = `input "${input.name}", axis ${axis}`;
      const declared = input.dims[axis]!;
      checkSize(size, declared, where, input);
      if (!isNamed(declared)) return;
      const before = known.get(declared);
      if (before && before.size !== size) {
        throw new RekindleError(
          "input-shape",
          `${where}: "${declared}" is ${size} here but ${before.size} at ${before.where}`,
          { fix: `give every dimension named "${declared}" the same size` },
        );
      }
      known.set(declared, { size, where });
    });
  }
  return new Map([...known].map(([name, { size }]) => [name, size]));
}

/** Exporters write "?" or nothing for a size that has no name: two of those may differ. */
function isNamed(dim: Dim): dim is string {
  return typeof dim === "string" && dim !== "" && dim !== "?";
}

function checkNames(graph: Graph, shapes: ReadonlyMap<string, Shape>): void {
  const names = graph.inputs.map((input) => input.name);
  const fix = `the model's inputs are ${names.map((n) => `"${n}"`).join(", ")}`;
  const missing = names.find((name) => !shapes.has(name));
  if (missing !== undefined) {
    throw new RekindleError("input-name", `input "${missing}" is missing`, { fix });
  }
  const unknown = [...shapes.keys()].find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new RekindleError("input-name", `the model has no input "${unknown}"`, { fix });
  }
}

function checkRank(input: GraphInput, dims: Shape): void {
  if (dims.length === input.dims.length) return;
  throw new RekindleError(
    "input-shape",
    `input "${input.name}" is ${dims.length}-D (${formatShape(dims)}), the model expects ` +
      `${input.dims.length}-D (${formatShape(input.dims)})`,
    { fix: `give it the shape ${formatShape(input.dims)}` },
  );
}

function checkSize(size: number, declared: Dim, where: string, input: GraphInput): void {
  const fix = `give "${input.name}" the shape ${formatShape(input.dims)}`;
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new RekindleError("input-shape", `${where}: a size must be 1 or more, not ${size}`, {
      fix,
    });
  }
  if (typeof declared === "number" && declared !== size) {
    const what = `${where}: the model expects ${declared}, the shape has ${size}`;
    throw new RekindleError("input-shape", what, { fix });
  }
}
