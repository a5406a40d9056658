import { elementwise } from "../kernels/elementwise.ts";
import {
  broadcast,
  broadcastStrides,
  formatShape,
  type Shape,
  sizeOf,
  stridesOf,
} from "../tensor/index.ts";
import type { OpCase } from "./case.ts";
import {
  type AttributeSpecs,
  type AttributesOf,
  defineOp,
  type Elements,
  type InferContext,
  type Ndarray,
  type Op,
  type Traits,
} from "./define.ts";

interface Pointwise<S extends AttributeSpecs> {
  readonly name: string;
  readonly opsets: readonly number[];
  readonly summary: string;
  readonly attributes: S;
  /** 1, 2, or `variadic`: then further inputs are folded in from left to right. */
  readonly arity?: 1 | 2 | typeof variadic;
  readonly isCommutative?: true;
  readonly compute: (x: number, y: number, attributes: AttributesOf<S>) => number;
  /** One element in WGSL (see `Traits.pointwise`); left out where no GPU needs the operator. */
  readonly wgsl?: (x: string, y: string, T: string, attributes: AttributesOf<S>) => string;
  /** The output type, where it is not the first input's: comparisons give bool. */
  readonly output?: "bool";
  readonly cases: readonly OpCase[];
}

/** One input or any number more. */
export const variadic = [1, Number.POSITIVE_INFINITY] as const;

/** Declares an operator that treats every element alike, with NumPy's broadcasting. */
export function definePointwise<const S extends AttributeSpecs>(p: Pointwise<S>): Op {
  const arity = p.arity ?? 1;
  return defineOp({
    name: p.name,
    opsets: p.opsets,
    summary: p.summary,
    attributes: p.attributes,
    inputs: typeof arity === "number" ? [arity, arity] : arity,
    infer({ inputs }) {
      return [{ dtype: p.output ?? inputs[0]!.dtype, dims: broadcastInputs(inputs) }];
    },
    reference(inputs, attributes, [out]) {
      const [first, ...rest] = inputs as readonly Ndarray[];
      const x = spreadTo(first!, out!.dims);
      if (arity === 1) return [x.map((v) => p.compute(v, 0, attributes))];
      const fold = (result: Float64Array, next: Ndarray) => {
        const y = spreadTo(next, out!.dims);
        return result.map((v, i) => p.compute(v, y[i]!, attributes));
      };
      return [rest.reduce(fold, x)];
    },
    kernels: p.wgsl ? [elementwise] : [],
    traits: {
      layout: "pointwise",
      ...(p.isCommutative && { isCommutative: true }),
      ...(p.wgsl && { acceptsEpilogue: true, pointwise: expressionOf(p) }),
    },
    cases: p.cases,
  });
}

/** The WGSL of an operator; a variadic one with a single input is that input. */
function expressionOf<S extends AttributeSpecs>(p: Pointwise<S>): NonNullable<Traits["pointwise"]> {
  return (x, y, T, attributes) =>
    p.arity === variadic && y === "" ? x : p.wgsl!(x, y, T, attributes as AttributesOf<S>);
}

/** The shape that all inputs broadcast to; throws a sentence where there is none. */
export function broadcastInputs(inputs: InferContext<unknown>["inputs"]): Shape {
  const shapes = inputs.map((type, i) => {
    if (!type) throw new Error(`input ${i} is left out`);
    return type.dims;
  });
  const dims = broadcast(...shapes);
  if (!dims) throw new Error(`shapes ${shapes.map(formatShape).join(" and ")} do not broadcast`);
  return dims;
}

/** The elements of `array` broadcast to the shape `dims`. */
export function spreadTo(array: Elements, dims: Shape): Float64Array {
  const strides = broadcastStrides(array.dims, dims);
  const outStrides = stridesOf(dims);
  const out = new Float64Array(sizeOf(dims));
  for (let i = 0; i < out.length; i++) {
    let from = 0;
    for (let axis = 0, rest = i; axis < dims.length; axis++) {
      const at = Math.floor(rest / outStrides[axis]!);
      rest -= at * outStrides[axis]!;
      from += at * strides[axis]!;
    }
    out[i] = array.data[from]!;
  }
  return out;
}
