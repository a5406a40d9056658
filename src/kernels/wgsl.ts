import type { TensorType } from "../graph/index.ts";
import type { Binding, BuildOptions, Problem } from "./kernel.ts";

/** The number of elements that one load or store moves. */
export type Width = 1 | 4;

/** A storage buffer of a shader. */
export interface Buffer {
  readonly name: string;
  /** The WGSL type of an element: "f32", "vec4<f16>". */
  readonly element: string;
  readonly from: Binding;
  readonly write?: boolean;
}

/** "f32" or "f16", or a vector of four of them: how a tensor's elements lie in memory. */
export function elementOf(type: Pick<TensorType, "dtype">, width: Width = 1): string {
  const scalar = type.dtype === "float16" ? "f16" : "f32";
  return width === 4 ? `vec4<${scalar}>` : scalar;
}

/** The type that kernels compute in. */
export const computeType = (width: Width): string => (width === 4 ? "vec4<f32>" : "f32");

/** True for the types that kernels read and write. */
export const onGpu = (type: TensorType | undefined): boolean =>
  type === undefined || type.dtype === "float32" || type.dtype === "float16";

/** `true`, or why a problem is not one for kernels: they read and write floats. */
export const needsFloats = ({ inputs, outputs }: Problem): true | string =>
  [...inputs, ...outputs].every(onGpu) || "computes float32 and float16 only";

export interface Declarations {
  readonly buffers: readonly Buffer[];
  /** Sizes, read in the body as `params.NAME` (u32; a negative number wraps around). */
  readonly params?: Readonly<Record<string, number>>;
  /** Numbers that differ between dispatches of one shader: always a uniform, `NAME.KEY`. */
  readonly dynamic?: { readonly name: string; readonly values: Readonly<Record<string, number>> };
  /** WGSL extensions beyond f16, which is added where a buffer needs it. */
  readonly enables?: readonly string[];
}

/**
 * The head of a shader: extensions, buffers in binding order, and `params`. With
 * `options.specialize` the params are constants of the text, which the driver folds; otherwise a
 * uniform buffer, so that one pipeline serves every size. The body reads the same either way.
 */
export function declare(declarations: Declarations, options: BuildOptions) {
  const { buffers, params = {}, dynamic, enables = [] } = declarations;
  const names = Object.keys(params);
  const bindings: Binding[] = buffers.map((b) => b.from);
  const f16 = buffers.some((b) => b.element.includes("f16")) ? ["f16"] : [];
  const lines = [...new Set([...f16, ...enables])].map((e) => `enable ${e};`);
  buffers.forEach((b, i) => {
    const access = b.write ? "read_write" : "read";
    lines.push(`@group(0) @binding(${i}) var<storage, ${access}> ${b.name}: array<${b.element}>;`);
  });
  if (names.length > 0) {
    lines.push(`struct Params { ${names.map((n) => `${n}: u32`).join(", ")} }`);
    if (options.specialize) {
      lines.push(`const params = Params(${names.map((n) => `${params[n]! >>> 0}u`).join(", ")});`);
    } else {
      lines.push(`@group(0) @binding(${buffers.length}) var<uniform> params: Params;`);
      bindings.push({ kind: "params", data: Uint32Array.from(names, (n) => params[n]! >>> 0) });
    }
  }
  if (dynamic) {
    const keys = Object.keys(dynamic.values);
    lines.push(`struct Dynamic { ${keys.map((n) => `${n}: u32`).join(", ")} }`);
    lines.push(`@group(0) @binding(${bindings.length}) var<uniform> ${dynamic.name}: Dynamic;`);
    bindings.push({ kind: "params", data: Uint32Array.from(Object.values(dynamic.values)) });
  }
  return { text: `${lines.join("\n")}\n`, bindings };
}

/** `count` workgroups in a row, folded into x and y because each dimension has a limit of 65535. */
export function spread(count: number): [number, number, number] {
  const x = Math.min(count, 65535);
  return [x, x === 0 ? 1 : Math.ceil(count / x), 1];
}

/** WGSL for the index of this workgroup in a row made by `spread`. */
export const workgroupIndex = "workgroup.y * workgroups.x + workgroup.x";

/** A stretch of a row of workgroups. */
export interface Part {
  readonly first: number;
  readonly count: number;
}

/**
 * Cuts a row of `count` workgroups that does `work` operations into equal parts of at most
 * `workMax`: a dispatch that takes seconds makes drivers reset the GPU.
 */
export function partsOf(count: number, work: number, workMax: number): Part[] {
  const parts = Math.max(1, Math.min(count, Math.ceil(work / workMax)));
  const each = Math.ceil(count / parts);
  return Array.from({ length: Math.ceil(count / each) }, (_, i) => ({
    first: i * each,
    count: Math.min(each, count - i * each),
  }));
}

/** What a dispatch of one of several parts declares, and the index of its workgroups. */
export function partCode({ first }: Part, parts: readonly Part[]) {
  return parts.length === 1
    ? { index: workgroupIndex }
    : {
        index: `part.first + ${workgroupIndex}`,
        dynamic: { name: "part", values: { first } },
      };
}

/** The parameters of `main` that `workgroupIndex` reads. */
export const workgroupArguments =
  "@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>";
