import { seededNumbers } from "../bench/random.ts";
import { type ConvCase, convCase } from "../trial/index.ts";

/** Operations of one case at most: the reference takes a fraction of a second for them. */
const flopMax = 6e6;

/**
 * Convolutions drawn by a seed: channels 1 to 128, kernels 1 to 7, groups, depthwise, dilation,
 * strides 1 to 3, batches 1 to 4; equal seeds give equal lists, and longer ones begin with shorter
 * ones.
 *
 * @example sweepCases(500, 1)[0].case.kernel; // [3, 3]
 */
export function sweepCases(
  count: number,
  seed: number,
): { readonly id: string; readonly case: ConvCase }[] {
  const next = seededNumbers(seed);
  const found: { id: string; case: ConvCase }[] = [];
  while (found.length < count) {
    const one = draw(next);
    if (one && flopOf(one) <= flopMax) found.push({ id: nameOf(one), case: one });
  }
  return found;
}

function draw(next: () => number): ConvCase | undefined {
  const pick = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  const oneOf = <T>(...values: readonly T[]) => values[pick(0, values.length - 1)]!;
  const kernel = oneOf(1, 1, 3, 3, 3, 5, 7);
  const other = oneOf(kernel, kernel, kernel, oneOf(1, 3, 5));
  const dilation = oneOf(1, 1, 1, 2, 3);
  const kind = oneOf("plain", "plain", "plain", "groups", "depthwise", "transposed");
  const groups = kind === "groups" ? oneOf(2, 3, 4, 8) : 1;
  const channels = groups * oneOf(1, 3, pick(1, 32), pick(1, 128), 16, 32, 64);
  const filters = groups * oneOf(pick(1, 32), pick(1, 128), 16, 32, 64);
  const isDepthwise = kind === "depthwise";
  const reach = (Math.max(kernel, other) - 1) * dilation + 1;
  const size = [pick(1, 40), pick(1, 40)].map((s) => Math.max(s, reach)) as [number, number];
  return convCase({
    batch: oneOf(1, 1, 2, 3, 4),
    channels,
    filters: isDepthwise ? channels : filters,
    groups: isDepthwise ? channels : groups,
    size,
    kernel: [kernel, other],
    stride: oneOf(1, 1, 2, 3),
    padding: Math.min(oneOf(0, 1, Math.floor(kernel / 2)), Math.floor(Math.min(kernel, other) / 2)),
    dilation,
    bias: pick(0, 1) === 1,
    transposed: kind === "transposed",
  });
}

/** Operations of a case by the definition, its output taken as large as its input at stride 1. */
function flopOf(one: ConvCase): number {
  const { batch, channels, filters, groups, kernel, size, stride, transposed } = one;
  const outputs = transposed ? 1 : 1 / stride ** 2;
  const products = (channels / groups) * kernel[0] * kernel[1];
  return 2 * batch * filters * size[0] * size[1] * outputs * products;
}

function nameOf(one: ConvCase): string {
  const { batch, channels, filters, groups, kernel, size, stride, padding, dilation } = one;
  const parts = [
    one.transposed ? "transposed" : "conv",
    `n${batch}`,
    `c${channels}`,
    size.join("x"),
    `k${filters}`,
    kernel.join("x"),
    `s${stride}`,
    `p${padding}`,
    `d${dilation}`,
    `g${groups}`,
  ];
  return parts.join("-");
}
