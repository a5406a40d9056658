import type { TensorType } from "../graph/index.ts";
import { sizeOf, Tensor } from "../tensor/index.ts";
import type { Ndarray } from "./define.ts";

/** What is known of a node's inputs before a run; fits `InferContext` and `Problem`. */
export interface KnownInputs {
  readonly inputs: readonly (TensorType | undefined)[];
  readonly constants: readonly (Tensor | undefined)[];
}

/**
 * The numbers of a constant input; undefined where it is left out. Throws a sentence where it is
 * only known at run time: `name` says what it is ("the axes").
 */
export function knownNumbers(node: KnownInputs, index: number, name: string) {
  if (!node.inputs[index]) return undefined;
  const value = node.constants[index];
  if (!value) throw new Error(`${name} (input ${index}) must be known before the run`);
  return Array.from(value.toNumbers());
}

/** The same for integers: a shape, axes, pads. */
export function knownIntegers(node: KnownInputs, index: number, name: string) {
  const numbers = knownNumbers(node, index, name);
  const odd = numbers?.find((v) => !Number.isInteger(v));
  if (odd === undefined) return numbers;
  throw new Error(`${name} (input ${index}) must be integers, and hold ${odd}`);
}

/** The numbers of an input that a reference sees; undefined where it is left out. */
export function numbersOf(array: Ndarray | undefined): number[] | undefined {
  return array && Array.from(array.data);
}

/** As many elements as one tensor may have: 4 GiB of float32. */
const elementsMax = 2 ** 30;

/** `dims`, or a sentence where they are no shape or ask for more elements than `most`. */
export function checkedDims(dims: readonly number[], most: number = elementsMax): number[] {
  const bad = dims.find((d) => !Number.isInteger(d) || d < 0);
  if (bad !== undefined) throw new Error(`the output would have an axis of size ${bad}`);
  if (sizeOf(dims) <= most) return [...dims];
  throw new Error(`the output would have ${sizeOf(dims)} elements, the most is ${most}`);
}

/** A constant with one number for each axis, reordered for permuted axes. */
export function permuteNumbers(tensor: Tensor, permutation: readonly number[]): Tensor {
  const numbers = tensor.toNumbers();
  return Tensor.from(
    tensor.dtype,
    permutation.map((axis) => numbers[axis]!),
    tensor.dims,
  );
}

/** A constant list of axes, renamed for permuted axes: old axis `permutation[i]` is new axis i. */
export function renameAxes(tensor: Tensor, permutation: readonly number[]): Tensor {
  const renamed = tensor.toNumbers().map((axis) => renameAxis(axis, permutation));
  return Tensor.from(tensor.dtype, renamed, tensor.dims);
}

/** The new name of an old axis, which may be counted from the end. */
export function renameAxis(axis: number, permutation: readonly number[]): number {
  return permutation.indexOf(axis < 0 ? axis + permutation.length : axis);
}
