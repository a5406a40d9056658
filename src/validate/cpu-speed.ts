import {
  boundMs,
  type ConvLayer,
  flopOfLayer,
  outputSizeOf,
  paddingOf,
  type Roofline,
  type Spread,
} from "../bench/index.ts";
import { normalTensor } from "../bench/random.ts";
import { type RunTimingOptions, timeRuns } from "../bench/time-runs.ts";
import type { Graph, Node } from "../graph/index.ts";
import { type OpenDevice, Session } from "../session/index.ts";
import { Tensor } from "../tensor/index.ts";
import { convCase } from "../trial/index.ts";
import { type NodeCase, nodeCase } from "../trial/node-case.ts";

/*
 * What ONNX Runtime takes on the CPU, and what it could take at best: the fastest of its own matrix
 * products, and a pointwise operator that reads and writes each number once.
 */

const timing: RunTimingOptions = { warmUpMs: 100, samples: 10, budgetMs: 500 };

/** Runs a network of which only one number comes back: more would be copied to JavaScript. */
async function timeOf(device: OpenDevice, { graph, feeds }: NodeCase): Promise<Spread> {
  const session = await Session.on(device, firstNumberOf(graph), {}, { keepOpen: true });
  const given = Object.fromEntries(feeds);
  try {
    const [spread] = await timeRuns([() => session.run(given)], timing);
    return spread!;
  } finally {
    await session.dispose();
  }
}

/** The network with the first number of its output "y" alone. */
function firstNumberOf(graph: Graph): Graph {
  const rank = graph.inputs[0]!.dims.length;
  const list = (value: (axis: number) => number) =>
    new Tensor(
      "int64",
      BigInt64Array.from({ length: rank }, (_, i) => BigInt(value(i))),
      [rank],
    );
  const slice: Node = {
    name: "first",
    op: "Slice",
    inputs: ["y", "starts", "ends", "axes"],
    outputs: ["first"],
    attributes: {},
  };
  return {
    ...graph,
    nodes: [...graph.nodes, slice],
    outputs: [{ name: "first" }],
    constants: new Map([
      ...graph.constants,
      ["starts", list(() => 0)],
      ["ends", list(() => 1)],
      ["axes", list((axis) => axis)],
    ]),
  };
}

/** A network of nodes with one output each, from "x" to "y". */
function chain(x: Tensor, nodes: readonly Node[], constants: Graph["constants"]): NodeCase {
  const graph: Graph = {
    name: "roofline",
    inputs: [{ name: "x", dtype: "float32", dims: x.dims }],
    outputs: [{ name: "y" }],
    nodes,
    constants,
  };
  return { graph, feeds: new Map([["x", x]]) };
}

function product(size: number): NodeCase {
  const dims = [size, size];
  const node: Node = {
    name: "product",
    op: "MatMul",
    inputs: ["x", "weights"],
    outputs: ["y"],
    attributes: {},
  };
  const weights = normalTensor("float32", dims, 2);
  return chain(normalTensor("float32", dims, 1), [node], new Map([["weights", weights]]));
}

/** So many in a row: what a call takes beside the work does not count then. */
const copies = 16;

function copying(bytes: number): NodeCase {
  const nodes = Array.from({ length: copies }, (_, i): Node => {
    const output = i === copies - 1 ? "y" : `y${i}`;
    const input = i === 0 ? "x" : `y${i - 1}`;
    return { name: `copy${i}`, op: "Neg", inputs: [input], outputs: [output], attributes: {} };
  });
  return chain(normalTensor("float32", [bytes / 8], 1), nodes, new Map());
}

/** Bytes read and written by a copy: in the CPU's caches, and far beyond them. */
const mebibytes = [1, 4, 16, 64, 256];
/** A quick look, with small matrices, leaves out the largest. */
const mebibytesMax = (matrixSize: number) => matrixSize / 8;

/**
 * The rates of ONNX Runtime on this CPU, which its own layers are measured against; `matrixSize` is
 * the largest matrix product.
 */
export async function measureCpuRoofline(
  device: OpenDevice,
  matrixSize: number,
  onStep: (step: string) => void,
): Promise<Roofline> {
  let f32 = 0;
  for (const size of [matrixSize / 4, matrixSize / 2, matrixSize]) {
    onStep(`matrix product of ${size}`);
    const { low } = await timeOf(device, product(size));
    f32 = Math.max(f32, (2 * size ** 3) / (low / 1000));
  }
  const bandwidth: { bytes: number; bytesPerSecond: number }[] = [];
  for (const size of mebibytes.filter((one) => one <= mebibytesMax(matrixSize))) {
    onStep(`bandwidth at ${size} MiB`);
    const bytes = size * 2 ** 20;
    const { low } = await timeOf(device, copying(bytes));
    bandwidth.push({ bytes, bytesPerSecond: (copies * bytes) / (low / 1000) });
  }
  return { flopPerSecond: { f32 }, bandwidth };
}

/** A layer's time with ONNX Runtime, and the least that the roofline allows. */
export async function measureCpuLayer(
  device: OpenDevice,
  layer: ConvLayer,
  batch: number,
  roofline: Roofline,
): Promise<{ readonly ms: Spread; readonly boundMs: number }> {
  const { C, H, W, K, R, S, G, stride, dilation } = layer;
  const one = convCase({
    batch,
    channels: C,
    filters: K,
    groups: G,
    size: [H, W],
    kernel: [R, S],
    padding: paddingOf(layer).h,
    stride,
    dilation,
  });
  const { P, Q } = outputSizeOf(layer);
  const elements = batch * (C * H * W + K * P * Q) + K * (C / G) * R * S + K;
  const work = { flop: batch * flopOfLayer(layer), bytes: 4 * elements, precision: "f32" } as const;
  return { ms: await timeOf(device, nodeCase(one, 1)), boundMs: boundMs(roofline, work) };
}
