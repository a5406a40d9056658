import fc from "fast-check";
import type { TypedGraph } from "../src/graph/index.ts";
import { ops } from "../src/ops/index.ts";
import { sameShape } from "../src/tensor/index.ts";
import { seeded } from "./cases.ts";
import { GraphBuilder } from "./graphs.ts";

/** One step of a random graph: which operator, and the seed that it picks its details by. */
interface Step {
  readonly kind: number;
  readonly seed: number;
}

/** What a step may use: the graph so far, its values, and choices. */
interface Site {
  readonly b: GraphBuilder;
  readonly x: string;
  readonly dims: readonly number[];
  /** A value of the same shape as `x`; `x` itself where there is no other. */
  readonly peer: string;
  readonly choose: <T>(...options: readonly T[]) => T;
}

type Write = (site: Site) => string | readonly string[];

const channelsOf = (dims: readonly number[]) => dims[1]!;
const ones = (count: number) => new Array<number>(count).fill(1);

const conv: Write = ({ b, x, dims, choose }) => {
  const channels = channelsOf(dims);
  const group = choose(1, 1, channels);
  const filters = group * choose(1, 2, 3);
  const kernel = dims.slice(2).map((d) => Math.min(d, choose(1, 3, 2)));
  const fan = (channels / group) * kernel.reduce((p, k) => p * k, 1);
  const weights = b.weight([filters, channels / group, ...kernel], -2 / fan, 2 / fan);
  const pads = [...kernel, ...kernel].map((k) => choose(0, Math.floor(k / 2)));
  const strides = kernel.map(() => choose(1, 1, 2));
  const bias = choose([], [b.weight([filters])]);
  return b.op("Conv", [x, weights, ...bias], { group, pads, strides });
};

const convTranspose: Write = ({ b, x, dims, choose }) => {
  const channels = channelsOf(dims);
  const group = choose(1, channels);
  const weights = b.weight([channels, 2, ...dims.slice(2).map(() => 2)]);
  const strides = dims.slice(2).map(() => choose(1, 2));
  return b.op("ConvTranspose", [x, weights], { group, strides });
};

const batchNorm: Write = ({ b, x, dims }) => {
  const [scale, shift, mean] = [0, 1, 2].map(() => b.weight([channelsOf(dims)]));
  const variance = b.weight([channelsOf(dims)], 0.5, 2);
  return b.op("BatchNormalization", [x, scale!, shift!, mean!, variance]);
};

const activation: Write = ({ b, x, choose }) => {
  const [op, attributes] = choose<readonly [string, Record<string, number>]>(
    ["Relu", {}],
    ["LeakyRelu", { alpha: 0.3 }],
    ["Sigmoid", {}],
    ["Tanh", {}],
    ["HardSigmoid", { alpha: 1 / 6, beta: 0.5 }],
    ["Clip", { min: -0.5, max: 0.5 }],
  );
  return b.op(op, [x], attributes);
};

/** What most networks are made of. */
const block: Write = (site) => {
  const { b, choose } = site;
  const at = (x: string): Site => ({ ...site, x, dims: b.dims(x) });
  const y = choose(conv, conv, padded, convTranspose)(site) as string;
  const none: Write = ({ x }) => x;
  const normalize = ops.has("BatchNormalization") ? batchNorm : arithmetic;
  const z = choose(normalize, normalize, arithmetic, none)(at(y)) as string;
  return choose(activation, gated, none)(at(z));
};

const gated: Write = ({ b, x, choose }) => {
  const sum = b.op("Add", [x, b.constant([], [3])]);
  const gate = choose(
    () => b.op("Sigmoid", [x]),
    () => b.op("HardSigmoid", [x], { alpha: 1 / 6, beta: 0.5 }),
    () => b.op("Div", [b.op("Clip", [sum], { min: 0, max: 6 }), b.constant([], [6])]),
  )();
  return b.op("Mul", choose([x, gate], [gate, x]));
};

const arithmetic: Write = ({ b, x, dims, choose }) => {
  const perChannel = [channelsOf(dims), ...ones(dims.length - 2)];
  const shape = choose(
    [],
    perChannel,
    perChannel,
    [1, ...perChannel],
    [dims.at(-1)!],
    [1, ...dims.slice(1)],
    dims.slice(1),
  );
  const c = b.weight(shape, 0.5, 2);
  const away = b.op("Add", [b.op("Abs", [x]), b.constant([], [1])]); // from zero: for Div
  return b.op(choose("Add", "Mul", "Sub", "Div"), choose([x, c], [x, c], [c, away]));
};

// Not Sub: where two values nearly agree, nothing but their rounding would be compared.
const binary: Write = ({ b, x, peer, choose }) =>
  b.op(choose("Add", "Mul", "Min", "Max"), choose([x, peer], [peer, x]));

const squeezeExcite: Write = ({ b, x, dims }) => {
  const mean = b.op("AveragePool", [x], { kernel_shape: dims.slice(2) });
  return b.op("Mul", [x, b.op("Sigmoid", [mean])]);
};

const pool: Write = ({ b, x, dims, choose }) => {
  const kernel = dims.slice(2).map((d) => Math.min(d, choose(2, 3)));
  const pads = [...kernel, ...kernel].map(() => choose(0, 1));
  const op = choose("MaxPool", "AveragePool");
  const counts = op === "AveragePool" ? { count_include_pad: choose(0, 1) } : {};
  return b.op(op, [x], { kernel_shape: kernel, pads, strides: kernel.map(() => 1), ...counts });
};

const padded: Write = (site) => {
  const { b, x, dims, choose } = site;
  const channels = choose(0, 0, 1);
  const half = () => [0, channels, ...dims.slice(2).map(() => choose(0, 1, 2))];
  const value = choose([], [b.constant([], [0])], [b.constant([], [0.5])]);
  const y = b.op("Pad", [x, b.ints(...half(), ...half()), ...value]);
  const next = choose(conv, pool, activation);
  return next({ ...site, x: y, dims: b.dims(y) });
};

const split: Write = ({ b, x, dims, choose }) => {
  const axis = choose(1, -1, 2);
  return dims.at(axis)! < 2 ? x : b.ops("Split", [x], 2, { axis });
};

const reshaped: Write = ({ b, x, dims, choose }) => {
  const swap = [0, 1, ...[...dims.keys()].slice(2).reverse()];
  return choose(
    () => b.op("Identity", [x]),
    () => b.op("Dropout", [x]),
    () => b.op("Transpose", [x], { perm: swap }),
    () => b.op("Transpose", [b.op("Transpose", [x], { perm: swap })], { perm: swap }),
    () => b.op("Reshape", [b.op("Flatten", [x]), b.ints(...dims)]),
    () => b.op("Slice", [x, b.ints(0), b.ints(Math.ceil(dims[1]! / 2)), b.ints(1)]),
  )();
};

const reduced: Write = ({ b, x, dims, choose }) => {
  const axes = choose([1], [2, dims.length - 1], [-1], [...dims.keys()].slice(2));
  const unique = [...new Set(axes.map((a) => (a + dims.length) % dims.length))];
  const op = choose("ReduceMean", "ReduceSum", "ReduceMax");
  return b.op(op, [x, b.ints(...unique)], { keepdims: choose(0, 1) });
};

/** Operators that know their layout, or are rewritten for it. */
const resized: Write = ({ b, x, dims, choose }) => {
  const scales = [1, 1, ...dims.slice(2).map(() => choose(1, 1.5, 2))];
  const mode = choose("nearest", "linear");
  return b.op("Resize", [x, "", b.constant([scales.length], scales)], { mode });
};

const slopes: Write = ({ b, x, dims }) =>
  b.op("PRelu", [x, b.weight([channelsOf(dims), ...ones(dims.length - 2)])]);

const head: Write = ({ b, x, choose }) => {
  const flat = b.op("Flatten", [x]);
  const weights = b.weight([b.dims(flat)[1]!, 3]);
  return b.op("Gemm", [flat, weights, ...choose([], [b.weight([3])])]);
};

/** Each kind of step, with the operator that must be there and the ranks it suits. */
const kinds: readonly (readonly [needs: string, write: Write])[] = [
  ["Conv", conv],
  ["Conv", block],
  ["Conv", block],
  ["Conv", block],
  ["ConvTranspose", convTranspose],
  ["BatchNormalization", batchNorm],
  ["Relu", activation],
  ["Relu", activation],
  ["Mul", gated],
  ["Abs", arithmetic],
  ["Abs", arithmetic],
  ["Add", binary],
  ["Add", binary],
  ["AveragePool", squeezeExcite],
  ["MaxPool", pool],
  ["Pad", padded],
  ["Split", split],
  ["Concat", ({ b, x, peer }) => b.op("Concat", [x, peer], { axis: 1 })],
  ["Transpose", reshaped],
  ["ReduceMean", reduced],
  ["Resize", resized],
  ["PRelu", slopes],
  ["GlobalAveragePool", ({ b, x }) => b.op("GlobalAveragePool", [x])],
  ["Gemm", head],
];

function isPicture(dims: readonly number[]): boolean {
  return dims.length >= 3 && dims.every((d) => d >= 1 && d <= 24);
}

function build(rank: number, steps: readonly Step[], outputs: readonly number[]): TypedGraph {
  const b = new GraphBuilder();
  const values = [b.input("x", [2, 3, 5, 4, 3].slice(0, rank))];
  for (const { kind, seed } of steps) {
    const next = seeded(seed);
    const choose: Site["choose"] = (...options) => options[Math.floor(next() * options.length)]!;
    const pictures = values.filter((v) => isPicture(b.dims(v)));
    const x = choose(pictures.at(-1)!, pictures.at(-1)!, ...pictures.slice(-3));
    const peers = values.filter((v) => v !== x && sameShape(b.dims(v), b.dims(x)));
    const peer = peers.length > 0 ? choose(...peers) : x;
    const [needs, write] = kinds[kind]!;
    if (ops.has(needs)) values.push(...[write({ b, x, dims: b.dims(x), peer, choose })].flat());
  }
  const named = outputs.map((i) => values[i % values.length]!);
  return b.typed(...new Set([values.at(-1)!, ...named]));
}

const step = fc.record({ kind: fc.nat({ max: kinds.length - 1 }), seed: fc.nat() });

/** Small networks of convolutions, pools, pointwise operators and data movement. */
export const randomGraph: fc.Arbitrary<TypedGraph> = fc
  .tuple(
    fc.constantFrom(3, 4, 4, 4, 5),
    fc.array(step, { minLength: 1, maxLength: 16, size: "max" }),
    fc.array(fc.nat(20), { maxLength: 2 }),
  )
  .map(([rank, steps, outputs]) => build(rank, steps, outputs));
