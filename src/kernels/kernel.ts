import type { AttributeValue, TensorType } from "../graph/index.ts";
import type { Tensor } from "../tensor/index.ts";

/**
 * Where a value lies inside a larger one, as the inputs of a Concat do in its output: in runs of
 * `run` elements side by side, the first one at `first`, the next ones `pitch` further each. All
 * are multiples of 4, so that vectors stay whole.
 */
export interface Place {
  readonly run: number;
  readonly pitch: number;
  readonly first: number;
}

/** The type of a value, with its place where it has no memory of its own. */
export interface PlacedType extends TensorType {
  readonly place?: Place;
}

/** A node as kernels see it: everything is known but the numbers that flow through. */
export interface Problem {
  readonly op: string;
  /** With defaults filled in; null for an optional attribute that is left out. */
  readonly attributes: Readonly<Record<string, AttributeValue | null>>;
  /** The operator as a WGSL expression, where it is pointwise. */
  readonly pointwise?: PointwiseExpression;
  readonly inputs: readonly (PlacedType | undefined)[];
  /** Inputs that are known when the session is created: weights, biases, axes. */
  readonly constants: readonly (Tensor | undefined)[];
  readonly outputs: readonly PlacedType[];
  /** Inputs that lie in the output where they belong, so that nothing has to move them. */
  readonly inPlace?: ReadonlySet<number>;
  readonly epilogue: readonly EpilogueProblem[];
}

/** WGSL for `op(x)` or `op(x, y)` where x and y are expressions of type `T` (f32 or vec4<f32>). */
export type PointwiseExpression = (x: string, y: string, T: string) => string;

/** A pointwise step with its WGSL; `operand` is the type of the second argument, if any. */
export interface EpilogueProblem {
  readonly op: string;
  readonly expression: PointwiseExpression;
  readonly operand?: TensorType;
  readonly operandFirst: boolean;
}

/** What kernels ask of a device. Bytes and counts, named as WebGPU names them. */
export interface DeviceTraits {
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupSizeX: number;
  readonly maxComputeWorkgroupsPerDimension: number;
  readonly maxStorageBuffersPerShaderStage: number;
  readonly maxStorageBufferBindingSize: number;
  /** Smallest and largest number of lanes that run together; 0 when not known. */
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
  /** Compute units or streaming multiprocessors; a guess where the device is not known. */
  readonly cores: number;
  readonly hasF16: boolean;
  readonly hasSubgroups: boolean;
  /** The session wants float16 values to be multiplied in float16, not in float32. */
  readonly multipliesHalf?: boolean;
  /** Shaders may ask for a number of lanes that run together (`@subgroup_size`). */
  readonly hasSubgroupSizeControl: boolean;
  /** The family as WebGPU names it: "rdna-1", "hopper"; "" where not known. */
  readonly architecture: string;
  /** A CPU that emulates a GPU: compile time weighs more than speed. */
  readonly isSoftware: boolean;
}

/** One point of a kernel's tuning space. */
export type Config = Readonly<Record<string, number | boolean | string>>;

/** A buffer that a dispatch binds, in the order of the shader's binding numbers. */
export type Binding =
  | { readonly kind: "input"; readonly index: number }
  | { readonly kind: "operand"; readonly index: number }
  | { readonly kind: "output"; readonly index: number }
  | { readonly kind: "scratch"; readonly index: number }
  | { readonly kind: "packed"; readonly index: number }
  | { readonly kind: "params"; readonly data: Uint32Array };

/** One compute dispatch. The entry point is `main`. */
export interface Dispatch {
  /** What it is, for profiles and error messages: "conv gemm 64x64x16". */
  readonly label: string;
  readonly wgsl: string;
  readonly bindings: readonly Binding[];
  readonly workgroups: readonly [number, number, number];
}

/** A constant rearranged for a kernel, made once when the session is created. */
export interface Packed {
  readonly bytes: number;
  /** Equal keys are made and stored once. Holds the constant's identity and the layout. */
  readonly key: string;
  /** The constant inputs that it is made of. */
  readonly inputs: readonly number[];
  make(): ArrayBufferView;
  /** `make` on the device; left out where the constant is small. */
  readonly shader?: PackShader;
}

/** A dispatch that rearranges `source`, binding 0, into binding 1; its params are binding 2. */
export interface PackShader {
  readonly source: Tensor;
  readonly wgsl: string;
  readonly params: Uint32Array;
  readonly workgroups: readonly [number, number, number];
}

/** How one node is computed. */
export interface Program {
  readonly dispatches: readonly Dispatch[];
  /** Bytes of each buffer that is needed only while the node runs. */
  readonly scratch?: readonly number[];
  readonly packed?: readonly Packed[];
}

export interface BuildOptions {
  /** Write sizes into the shader as constants (fast code) or pass them in (shared pipelines). */
  readonly specialize: boolean;
  /** Leave checks out that the sizes make needless: more shaders, each faster. */
  readonly tailor?: boolean;
}

/**
 * One way to compute an operator on the GPU. `supports` and `fits` return `true` or one sentence
 * of reason, so that the tool can always say why a kernel was not chosen.
 */
export interface Kernel {
  readonly name: string;
  /**
   * What it understands to lie inside a larger value (place.ts): its only output, its first input
   * or all inputs. Left out: nothing, and such problems are not put to it.
   */
  readonly placed?: { readonly output?: true; readonly inputs?: "first" | "all" };
  supports(problem: Problem): true | string;
  /** The tuning space, best guess for this device and problem first. */
  configs(problem: Problem, device: DeviceTraits): readonly Config[];
  fits(config: Config, problem: Problem, device: DeviceTraits): true | string;
  build(problem: Problem, config: Config, options: BuildOptions): Program;
}
