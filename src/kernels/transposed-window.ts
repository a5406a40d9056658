import { type Window, type WindowAttributes, windowOf } from "./geometry.ts";

export interface TransposedAttributes extends WindowAttributes {
  readonly output_padding: readonly number[];
  readonly output_shape: readonly number[];
}

/**
 * The window of a transposed convolution: `output` is its larger output. Padding is what is cut
 * from the output. With `output_shape`, or SAME padding, the cut follows from the wanted size:
 * SAME_UPPER cuts the odd row from the end, all else from the beginning (ONNX ConvTranspose).
 */
export function transposedWindowOf(
  spatial: readonly number[],
  kernel: readonly number[],
  a: TransposedAttributes,
): Window {
  // Reuses the checks and defaults of an ordinary window over a picture large enough to hold it.
  const { strides, dilations, padsBegin, padsEnd } = windowOf(
    kernel.map(() => Number.MAX_SAFE_INTEGER / 4),
    kernel,
    { ...a, auto_pad: a.auto_pad === "NOTSET" ? "NOTSET" : "VALID" },
  );
  const extra = a.output_padding.length > 0 ? a.output_padding : kernel.map(() => 0);
  const full = spatial.map(
    (s, i) => strides[i]! * (s - 1) + extra[i]! + (kernel[i]! - 1) * dilations[i]! + 1,
  );
  const isSame = a.auto_pad === "SAME_UPPER" || a.auto_pad === "SAME_LOWER";
  const wanted = isSame ? spatial.map((s, i) => s * strides[i]!) : a.output_shape;
  if (!isSame && a.output_shape.length === 0) {
    const output = full.map((f, i) => f - padsBegin[i]! - padsEnd[i]!);
    if (output.some((o) => o <= 0)) throw new Error(`the padding cuts the whole output away`);
    return { kernel, strides, dilations, padsBegin, padsEnd, output };
  }
  const output = wanted.slice(-kernel.length);
  const cut = full.map((f, i) => f - output[i]!);
  const half = cut.map((c) => Math.floor(c / 2));
  const rest = cut.map((c, i) => c - half[i]!);
  const [begin, end] = a.auto_pad === "SAME_UPPER" ? [half, rest] : [rest, half];
  return { kernel, strides, dilations, padsBegin: begin, padsEnd: end, output };
}
