import type { AttributeValue, TensorType } from "../graph/index.ts";
import type { Kernel } from "../kernels/kernel.ts";
import type { Shape, Tensor } from "../tensor/index.ts";
import type { OpCase } from "./case.ts";

/** A tensor as the references see it: float64, whatever the stored type. */
export interface Ndarray {
  readonly dims: Shape;
  readonly data: Float64Array;
}

/** An array of which single elements are read, in whatever type it is stored. */
export interface Elements {
  readonly dims: Shape;
  readonly data: ArrayLike<number>;
}

/** How an attribute is read: its default, or required; wrong kinds give a clear error. */
export interface AttributeSpec<T> {
  /** Returns the value, or a sentence that says what is wrong. `undefined` means left out. */
  read(value: AttributeValue | undefined): { value: T } | { problem: string };
}

export type AttributeSpecs = Readonly<Record<string, AttributeSpec<unknown>>>;

export type AttributesOf<S extends AttributeSpecs> = {
  readonly [K in keyof S]: S[K] extends AttributeSpec<infer T> ? T : never;
};

/** What shape inference knows of one node. */
export interface InferContext<A> {
  readonly attributes: A;
  /** The types of the inputs; undefined for one that is left out. */
  readonly inputs: readonly (TensorType | undefined)[];
  /** The values of those inputs that are constants. */
  readonly constants: readonly (Tensor | undefined)[];
  readonly outputCount: number;
}

/** What shared code asks of an operator, instead of asking for its name. */
export interface Traits {
  /** Its kernels apply an epilogue (pointwise steps) to the first output before storing it. */
  readonly acceptsEpilogue?: boolean;
  /** The output is the input's memory under another shape: no kernel runs. */
  readonly isView?: boolean;
  /**
   * The output is its inputs one behind the other along the attribute `axis`, so that they may be
   * written where they belong in it.
   */
  readonly isJoin?: boolean;
  /**
   * WGSL for one element, as an expression of `x` (and `y`, for operators of two inputs), both of
   * the type `T` (f32, f16 or a vector of them). Makes the operator usable as an epilogue step.
   */
  readonly pointwise?: (
    x: string,
    y: string,
    T: string,
    attributes: Readonly<Record<string, AttributeValue | null>>,
  ) => string;
  /** Pointwise, and the order of its two inputs does not matter, to the last bit. */
  readonly isCommutative?: boolean;
  /**
   * How the operator is carried over to channels-last data (src/passes/layout.ts).
   * "spatial": it has an attribute `layout`, "NCHW" or "NHWC", and prefers NHWC.
   * "pointwise": the order of axes does not matter to it, but all inputs must agree (broadcast).
   * "axes": `permuteAxes` rewrites it for another order. Left out: it needs the original order.
   */
  readonly layout?: "spatial" | "pointwise" | "axes";
  /**
   * The result follows from the inputs' types alone (Shape, Size), so that it is known before they
   * are: the reference is then called with inputs that have dims but no data.
   */
  readonly dependsOnTypeOnly?: boolean;
  /** Inputs of numbers that are read while planning (Resize's scales): they keep their type. */
  readonly plannedInputs?: readonly number[];
}

export interface PermuteRequest<A> {
  readonly permutation: readonly number[];
  readonly attributes: A;
  readonly constants: readonly (Tensor | undefined)[];
}

export interface PermutedNode {
  /** Attributes that change. */
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Constant inputs that change, by index. */
  readonly constants?: ReadonlyMap<number, Tensor>;
}

/** One operator: everything that Rekindle knows about it. */
export interface Op<A = Readonly<Record<string, unknown>>> {
  readonly name: string;
  /** The opset versions that changed it; `sinceVersion` of ONNX's documentation. */
  readonly opsets: readonly number[];
  readonly summary: string;
  readonly attributes: AttributeSpecs;
  /** The least and the largest number of inputs. */
  readonly inputs: readonly [number, number];
  /** The least and the largest number of outputs; one where it is left out. */
  readonly outputs?: readonly [number, number];
  /** Types of the outputs. Throws a sentence (a plain Error) where the inputs do not fit. */
  infer(context: InferContext<A>): TensorType[];
  /** Plain loops in float64: the oracle of tests and of tuning. */
  reference(
    inputs: readonly (Ndarray | undefined)[],
    attributes: A,
    outputs: readonly TensorType[],
  ): Float64Array[];
  /**
   * Elements of the first output at flat indices, as `reference` gives them: for operators of which
   * a single element takes so many operations that the whole output takes too long.
   */
  referenceAt?(
    inputs: readonly (Elements | undefined)[],
    attributes: A,
    outputs: readonly TensorType[],
    indices: ArrayLike<number>,
  ): Float64Array;
  /**
   * Floating-point operations by the definition, from the inputs' shapes and the output's: two for
   * each multiplication and addition, which is what papers count (as half as many "MACs"). Left
   * out: so few that they do not count.
   */
  flop?(inputs: readonly Shape[], output: Shape): number;
  /** In order of preference; the last one accepts everything that the operator allows. */
  readonly kernels: readonly Kernel[];
  /**
   * For `traits.layout` "axes": attributes and constant inputs rewritten for a first input whose
   * axes are permuted (`new axis i` is `old axis permutation[i]`); undefined where that cannot be.
   */
  permuteAxes?(request: PermuteRequest<A>): PermutedNode | undefined;
  readonly traits: Traits;
  readonly cases: readonly OpCase[];
}

/**
 * Declares an operator, checking the attribute types that its functions use.
 *
 * @example see `relu` in src/ops/activations.ts, the smallest one.
 */
export function defineOp<const S extends AttributeSpecs>(
  op: Omit<Op<AttributesOf<S>>, "attributes"> & { readonly attributes: S },
): Op {
  return op as unknown as Op;
}
