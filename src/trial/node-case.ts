import { normalTensor } from "../bench/random.ts";
import type { Attributes, Graph, Node } from "../graph/index.ts";
import { models } from "../models/index.ts";
import { type Shape, sizeOf, Tensor } from "../tensor/index.ts";
import type { BatchNormCase, Case, ConvCase, NetworkCase, PoolCase } from "./case.ts";

/** A case as a network, with what is fed to it. */
export interface NodeCase {
  readonly graph: Graph;
  readonly feeds: ReadonlyMap<string, Tensor>;
}

/** The case as a graph from "x"; several functions of it are several outputs. */
export function nodeCase(one: Case, seed: number): NodeCase {
  switch (one.task) {
    case "conv":
      return convolution(one, seed);
    case "batch-norm":
      return normalization(one, seed);
    case "pool":
      return pooling(one, seed);
    case "network":
      return network(one, seed);
    default:
      return plain(one.task, seed);
  }
}

interface Step {
  readonly op: string;
  /** Names of values; "" is left out. */
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Attributes;
}

function build(
  name: string,
  x: Tensor,
  constants: Readonly<Record<string, Tensor>>,
  steps: readonly Step[],
): NodeCase {
  const nodes = steps.map(
    ({ op, inputs, output, attributes = {} }): Node => ({
      name: output,
      op,
      inputs,
      outputs: [output],
      attributes,
    }),
  );
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const outputs = steps.map(({ output }) => output).filter((output) => !read.has(output));
  const graph: Graph = {
    name,
    inputs: [{ name: "x", dtype: "float32", dims: x.dims }],
    outputs: outputs.map((output) => ({ name: output })),
    nodes,
    constants: new Map(Object.entries(constants)),
  };
  return { graph, feeds: new Map([["x", x]]) };
}

const normal = (dims: Shape, seed: number, deviation = 1) =>
  normalTensor("float32", dims, seed, deviation);

/** Numbers of a normal distribution, without their signs. */
function positive(dims: Shape, seed: number): Tensor {
  const { data } = normal(dims, seed);
  return new Tensor("float32", (data as Float32Array).map(Math.abs), dims);
}

function convolution(one: ConvCase, seed: number): NodeCase {
  const { channels, filters, groups, kernel, transposed, padding } = one;
  const dims = transposed
    ? [channels, filters / groups, ...kernel]
    : [filters, channels / groups, ...kernel];
  const fanIn = (channels / groups) * sizeOf(kernel);
  const constants = {
    weight: normal(dims, seed + 1, Math.sqrt(1 / fanIn)),
    ...(one.bias && { bias: normal([filters], seed + 2) }),
  };
  const attributes = {
    kernel_shape: kernel,
    strides: [one.stride, one.stride],
    pads: [padding, padding, padding, padding],
    dilations: [one.dilation, one.dilation],
    group: groups,
  };
  const op = transposed ? "ConvTranspose" : "Conv";
  const x = normal([one.batch, channels, ...one.size], seed);
  const inputs = ["x", ...Object.keys(constants)];
  return build("conv", x, constants, [{ op, inputs, output: "y", attributes }]);
}

function normalization(_: BatchNormCase, seed: number): NodeCase {
  const channels = 19;
  const constants = {
    scale: normal([channels], seed + 1),
    shift: normal([channels], seed + 2),
    mean: normal([channels], seed + 3),
    variance: positive([channels], seed + 4),
  };
  const inputs = ["x", ...Object.keys(constants)];
  const x = normal([4, channels, 17, 15], seed);
  return build("batch-norm", x, constants, [
    { op: "BatchNormalization", inputs, output: "y", attributes: { epsilon: 1e-5 } },
  ]);
}

function pooling({ kind }: PoolCase, seed: number): NodeCase {
  const x = positive([2, 13, 21, 18], seed);
  const op = { max: "MaxPool", average: "AveragePool", global: "GlobalAveragePool" }[kind];
  const window = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
  const attributes = kind === "global" ? {} : window;
  return build("pool", x, {}, [{ op, inputs: ["x"], output: "y", attributes }]);
}

function network({ network: name, imageSize, batch }: NetworkCase, seed: number): NodeCase {
  // SqueezeNet is the smallest of ours that has all that a network has.
  const model = models.get(name === "small" ? "squeezenet1_1" : name)!;
  const graph = model.build({ seed, batch, imageSize, classes: 10 });
  return { graph, feeds: new Map([["x", normal([batch, 3, imageSize, imageSize], seed + 1)]]) };
}

function plain(task: Case["task"], seed: number): NodeCase {
  const one = (op: string, inputs: readonly string[], output: string, attributes?: Attributes) => ({
    op,
    inputs,
    output,
    ...(attributes && { attributes }),
  });
  if (task === "matmul") {
    const constants = { weight: normal([300, 129], seed + 1) };
    return build("matmul", normal([255, 300], seed), constants, [
      one("MatMul", ["x", "weight"], "product"),
    ]);
  }
  if (task === "reduce") {
    const axes = new Tensor("int64", BigInt64Array.of(1n), [1]);
    return build("reduce", positive([257, 1025], seed), { axes }, [
      one("ReduceSum", ["x", "axes"], "sum"),
      one("ReduceMean", ["x", "axes"], "mean"),
      one("ReduceMax", ["x", "axes"], "maximum"),
      one("Softmax", ["x"], "softmax", { axis: 1 }),
    ]);
  }
  if (task === "elementwise") {
    const constants = { other: normal([1023], seed + 1) };
    return build("elementwise", normal([513, 1023], seed), constants, [
      one("Mul", ["x", "other"], "product"),
      one("Sigmoid", ["x"], "sigmoid"),
      one("Tanh", ["product"], "tanh"),
    ]);
  }
  const constants = { one: new Tensor("float32", Float32Array.of(1), [1]) };
  return build("device", normal([4], seed), constants, [one("Add", ["x", "one"], "y")]);
}
