import { opOf, parseAttributes } from "../ops/evaluate.ts";
import { newArray, type Shape, sizeOf, stridesOf, type Tensor } from "../tensor/index.ts";
import { derived } from "./derived.ts";
import { permutationOf } from "./identities.ts";
import { type Rule, reshapeNode } from "./rewrite.ts";

/**
 * Larger weights (VGG's are 103 million) take about a second to reorder at every start, and as
 * much memory again; the transposition takes a few microseconds of a run.
 */
const elementsMax = 2 ** 24;

/**
 * A linear layer behind a picture that is transposed and then flattened, as in LeNet and AlexNet:
 * its constant weights are put into the order of the picture, and nothing is transposed.
 */
export const orderWeightsAsPicture: Rule = (node, around) => {
  if (node.op !== "Gemm" && node.op !== "MatMul") return undefined;
  const [a, b] = node.inputs as readonly [string, string];
  const weights = around.constantOf(b);
  const { transA, transB } = parseAttributes(opOf(node), node.attributes, node.name);
  if (node.epilogue || !weights || weights.dims.length !== 2 || transA) return undefined;
  if (weights.size > elementsMax) return undefined;
  const view = around.producerOf(a);
  if (!view || view.epilogue || !opOf(view).traits.isView) return undefined;
  const transpose = around.producerOf(view.inputs[0]!);
  if (transpose?.op !== "Transpose" || transpose.epilogue) return undefined;
  const picture = transpose.inputs[0]!;
  const { dims } = around.typeOf(picture);
  const flat = around.typeOf(a);
  const order = orderOf(dims, permutationOf(transpose, dims.length), flat.dims);
  if (!order) return undefined;
  const inOrder = around.addValue(`${a}:untransposed`, flat);
  const ordered = reordered(weights, order, transB === 1);
  return [
    reshapeNode(`${view.name}:untransposed`, picture, inOrder, around),
    {
      ...node,
      inputs: [inOrder, around.addConstant(`${b}:ordered`, ordered), ...node.inputs.slice(2)],
    },
  ];
};

/**
 * For a picture of shape `dims` that is transposed and then flattened to the matrix `flat`: which
 * column of it holds each element of a row of the picture as it lies. Undefined where rows of the
 * matrix are no rows of the picture.
 */
function orderOf(dims: Shape, perm: readonly number[], flat: Shape): Int32Array | undefined {
  const [rows, columns] = flat;
  if (flat.length !== 2) return undefined;
  const lead = dims.findIndex((_, axis) => sizeOf(dims.slice(axis)) === columns);
  if (lead < 0 || sizeOf(dims.slice(0, lead)) !== rows) return undefined;
  if (perm.slice(0, lead).some((axis, i) => axis !== i)) return undefined;
  const strides = stridesOf(perm.map((axis) => dims[axis]!));
  const strideOf = dims.map((_, axis) => strides[perm.indexOf(axis)]!);
  let order = Int32Array.of(0);
  for (let axis = lead; axis < dims.length; axis++) {
    const size = dims[axis]!;
    const longer = new Int32Array(order.length * size);
    order.forEach((at, i) => {
      for (let j = 0; j < size; j++) longer[i * size + j] = at + j * strideOf[axis]!;
    });
    order = longer;
  }
  return order;
}

/** Row i of the result is row `order[i]` of a matrix; columns instead, where they are inputs. */
function reordered(weights: Tensor, order: Int32Array, columns: boolean): Tensor {
  return derived(weights, `ordered ${columns} ${order.join()}`, () => {
    const [height, width] = weights.dims as readonly [number, number];
    const from = weights.data as Float32Array;
    const to = newArray(weights.dtype, from.length) as Float32Array;
    if (columns) {
      for (let row = 0; row < from.length; row += width) {
        for (let i = 0; i < width; i++) to[row + i] = from[row + order[i]!]!;
      }
    } else {
      for (let i = 0; i < height; i++) {
        const at = order[i]! * width;
        to.set(from.subarray(at, at + width), i * width);
      }
    }
    return to;
  });
}
