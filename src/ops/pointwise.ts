import type { AttributeValue } from "../graph/index.ts";
import { elementwise } from "../kernels/elementwise.ts";
import { broadcast, broadcastStrides, formatShape, sizeOf, stridesOf } from "../tensor/index.ts";
import type { OpCase } from "./case.ts";
import {
  type AttributeSpecs,
  type AttributesOf,
  defineOp,
  type Ndarray,
  type Op,
} from "./define.ts";

type Raw = Readonly<Record<string, AttributeValue | null>>;

interface Pointwise<S extends AttributeSpecs> {
  readonly name: string;
  readonly opsets: readonly number[];
  readonly summary: string;
  readonly attributes: S;
  /** 1, 2, or [least, most] where further inputs are folded in from left to right. */
  readonly arity?: 1 | 2 | readonly [number, number];
  readonly compute: (x: number, y: number, attributes: AttributesOf<S>) => number;
  readonly wgsl: (x: string, y: string, T: string, attributes: Raw) => string;
  /** The output type, where it is not the first input's: comparisons give bool. */
  readonly output?: "bool";
  readonly cases: readonly OpCase[];
}

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
      const shapes = inputs.map((t) => t!.dims);
      const dims = broadcast(...shapes);
      if (!dims)
        throw new Error(`shapes ${shapes.map(formatShape).join(" and ")} do not broadcast`);
      return [{ dtype: p.output ?? inputs[0]!.dtype, dims }];
    },
    reference(inputs, attributes, [out]) {
      const arrays = inputs as readonly Ndarray[];
      let result = spreadTo(arrays[0]!, out!.dims);
      if (arrays.length === 1) return [result.map((x) => p.compute(x, 0, attributes))];
      for (const next of arrays.slice(1)) {
        const y = spreadTo(next, out!.dims);
        result = result.map((x, i) => p.compute(x, y[i]!, attributes));
      }
      return [result];
    },
    kernels: [elementwise],
    traits: { acceptsEpilogue: true, pointwise: p.wgsl, layout: "pointwise" },
    cases: p.cases,
  });
}

/** The elements of `array` broadcast to the shape `dims`. */
export function spreadTo(array: Ndarray, dims: readonly number[]): Float64Array {
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
