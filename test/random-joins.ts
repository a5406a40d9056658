import type { TypedGraph } from "../src/graph/index.ts";
import { seeded } from "./cases.ts";
import { GraphBuilder } from "./graphs.ts";

/**
 * A random network in which values are joined again and again: along channels, mostly, in all
 * orders, one inside the other, one value in several joins, and read by others as well. Few kinds
 * of nodes, so that few shaders are compiled.
 */
export function randomJoins(seed: number, length = 14): TypedGraph {
  const next = seeded(seed);
  const below = (n: number): number => Math.floor(next() * n);
  const b = new GraphBuilder();
  const values = [b.input("x", [2, 8, 5, 5])];
  // The newest ones more often, so that the network gets deep.
  const some = (): string => values[Math.max(below(values.length), below(values.length))]!;
  const channelsOf = (x: string): number => b.dims(x)[1]!;
  const conv = (x: string, size: number): string => {
    const weights = b.weight([below(6) === 0 ? 6 : 8, channelsOf(x), size, size], -0.2, 0.2);
    const pads = new Array<number>(4).fill((size - 1) / 2);
    return b.op("Relu", [b.op("Conv", [x, weights], { pads })]);
  };
  const pool = (x: string): string => {
    return b.op("MaxPool", [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] });
  };
  const join = (): string => {
    const parts = Array.from({ length: 2 + below(2) }, some);
    const axis = below(8) === 0 ? 0 : 1;
    const [first] = parts;
    const alike = parts.filter((x) => {
      return b.dims(x).every((d, i) => i === axis || d === b.dims(first!)[i]);
    });
    return alike.reduce((sum, x) => sum + channelsOf(x), 0) > 64
      ? conv(first!, 1)
      : b.op("Concat", alike, { axis });
  };
  const kinds = [
    () => conv(some(), 1),
    () => conv(some(), 3),
    () => pool(some()),
    () => b.op("LeakyRelu", [some()], { alpha: 0.5 }),
    () => b.op("Reshape", [some(), b.ints(2, -1, 5, 5)]),
    join,
    join,
    join,
    join,
  ];
  for (let i = 0; i < length; i++) values.push(kinds[below(kinds.length)]!());
  const outputs = below(3) === 0 ? [some()] : [];
  return b.typed(...new Set([values.at(-1)!, ...outputs.filter((name) => name !== "x")]));
}
