import {
  bytesPerElement,
  type DType,
  newArray,
  type Tensor,
  toFloat16Bits,
} from "../tensor/index.ts";
import type { Packed, PackShader } from "./kernel.ts";
import { declare, elementOf, spread, workgroupArguments, workgroupIndex } from "./wgsl.ts";

const identities = new WeakMap<Tensor, number>();
let nextIdentity = 0;

/** A number that stands for this tensor and no other, for keys of packed weights. */
function identityOf(tensor: Tensor): number {
  let id = identities.get(tensor);
  if (id === undefined) {
    id = nextIdentity++;
    identities.set(tensor, id);
  }
  return id;
}

/** Smaller constants take less time in JavaScript than a dispatch takes to prepare. */
const elementsOnDeviceMin = 1 << 14;
const threads = 64;

/** How a device rearranges a constant. */
export interface PackCode {
  readonly params: Readonly<Record<string, number>>;
  /** Threads that run `body`. */
  readonly count: number;
  /** Statements for thread `i`: `element(j)` is element j of the constant, `put(j, x)` stores. */
  readonly body: string;
}

function shaderOf(tensor: Tensor, dtype: DType, length: number, code: PackCode): PackShader {
  const { text, bindings } = declare(
    {
      buffers: [
        { name: "source", element: elementOf(tensor), from: { kind: "input", index: 0 } },
        {
          name: "result",
          element: elementOf({ dtype }),
          from: { kind: "output", index: 0 },
          write: true,
        },
      ],
      params: { ...code.params, count: code.count, length },
    },
    { specialize: false },
  );
  const params = bindings.find((b) => b.kind === "params")!;
  return {
    source: tensor,
    params: params.data,
    workgroups: spread(Math.ceil(code.count / threads)),
    wgsl: `${text}
fn element(at: u32) -> f32 { return f32(source[at]); }
fn put(at: u32, value: f32) {
  if (at < params.length) { result[at] = ${elementOf({ dtype })}(value); }
}
@compute @workgroup_size(${threads})
fn main(${workgroupArguments}, @builtin(local_invocation_index) lane: u32) {
  let i = (${workgroupIndex}) * ${threads}u + lane;
  if (i >= params.count) { return; }
${code.body}
}
`,
  };
}

/**
 * A constant rearranged: `fill` writes `length` numbers, in order of the new layout, from the
 * constant's numbers. `layout` names the new layout with all sizes that it depends on.
 */
export function packConstant(options: {
  readonly tensor: Tensor;
  readonly input: number;
  readonly layout: string;
  readonly dtype: DType;
  readonly length: number;
  readonly fill: (from: ArrayLike<number>, to: { [index: number]: number }) => void;
  /** The same as `fill`, on the device. */
  readonly code: PackCode;
}): Packed {
  const { tensor, input, layout, dtype, length, fill, code } = options;
  const bytes = Math.ceil((length * bytesPerElement(dtype)) / 16) * 16;
  return {
    bytes,
    key: `${identityOf(tensor)} ${dtype} ${layout}`,
    inputs: [input],
    ...(length >= elementsOnDeviceMin && { shader: shaderOf(tensor, dtype, length, code) }),
    make() {
      const from = tensor.dtype === "float32" ? (tensor.data as Float32Array) : tensor.toNumbers();
      const count = bytes / bytesPerElement(dtype);
      if (dtype === "float32") {
        const to = new Float32Array(count);
        fill(from, to);
        return to;
      }
      const numbers = new Float32Array(count);
      fill(from, numbers);
      const to = newArray(dtype, count) as Uint16Array;
      for (let i = 0; i < count; i++) to[i] = toFloat16Bits(numbers[i]!);
      return to;
    },
  };
}
