import { GraphBuilder } from "./graphs.ts";

/**
 * 1x1 convolutions as ResNets have them: with a Relu, with neither, with a residual sum and a Relu,
 * with the sum alone; one with strides. All results are outputs.
 */
export function residualProducts() {
  const b = new GraphBuilder();
  const x = b.input("x", [1, 8, 9, 7]);
  const conv = (y: string, attributes = {}) =>
    b.op("Conv", [y, b.weight([8, 8, 1, 1]), b.weight([8])], attributes);
  const first = b.op("Relu", [conv(x)]);
  const second = conv(first);
  const third = b.op("Relu", [b.op("Add", [conv(second), first])]);
  const fourth = b.op("Add", [second, conv(third)]);
  const strided = b.op("Relu", [conv(fourth, { strides: [2, 2] })]);
  return b.graph(first, second, third, fourth, strided);
}
