import type { Attributes, Dim, Graph, GraphInput, Node } from "../graph/index.ts";
import { type Shape, sizeOf, Tensor } from "../tensor/index.ts";
import { normalNumbers } from "./normal.ts";

export interface ConvOptions {
  /** Height and width of the kernel, which is square. Default 1. */
  readonly kernel?: number;
  readonly stride?: number;
  /** Zeros on each side; by default as many as keep the size at stride 1. */
  readonly padding?: number;
  readonly groups?: number;
  readonly bias?: boolean;
}

export interface PoolOptions {
  readonly kernel: number;
  readonly stride: number;
  readonly padding?: number;
  /** Whether a window that starts inside but ends outside counts. */
  readonly ceil?: boolean;
}

/** What the builder knows of a value: its channels, and the mean of its squares, roughly. */
interface Value {
  readonly channels: number;
  readonly power: number;
}

/**
 * Builds a network node by node; every method adds one and returns the name of its output.
 *
 * Weights are normal with He's deviation, sqrt(1 / (fan in * mean square of the input)), which is
 * sqrt(2 / fan in) behind a ReLU: the builder follows the mean square through the graph, so that
 * every convolution gives numbers near 1 however deep the network is.
 * (He et al., Delving Deep into Rectifiers, 2015.)
 *
 * @example
 * const b = new GraphBuilder("tiny", 1);
 * const x = b.input("x", ["N", 3, 32, 32]);
 * const graph = b.finish(b.relu(b.conv(x, 16, { kernel: 3 })), ["N", 16, 32, 32]);
 */
export class GraphBuilder {
  readonly #name: string;
  readonly #draw: ReturnType<typeof normalNumbers>;
  readonly #inputs: GraphInput[] = [];
  readonly #nodes: Node[] = [];
  readonly #constants = new Map<string, Tensor>();
  readonly #values = new Map<string, Value>();

  constructor(name: string, seed: number) {
    this.#name = name;
    this.#draw = normalNumbers(seed);
  }

  input(name: string, dims: readonly [Dim, number, ...Dim[]]): string {
    this.#inputs.push({ name, dtype: "float32", dims });
    this.#values.set(name, { channels: dims[1], power: 1 });
    return name;
  }

  channels(value: string): number {
    return this.#values.get(value)!.channels;
  }

  conv(x: string, channels: number, options: ConvOptions = {}): string {
    const { kernel = 1, stride = 1, groups = 1, bias = false } = options;
    const padding = options.padding ?? (kernel - 1) / 2;
    const dims = [channels, this.channels(x) / groups, kernel, kernel];
    const inputs = this.#weights(x, dims, dims[1]! * kernel * kernel, bias ? channels : 0);
    return this.#add(
      "Conv",
      inputs,
      { channels, power: 1 },
      {
        kernel_shape: [kernel, kernel],
        strides: [stride, stride],
        pads: [padding, padding, padding, padding],
        dilations: [1, 1],
        group: groups,
      },
    );
  }

  /** A transposed convolution whose windows do not overlap: `factor` times the size. */
  convTranspose(x: string, channels: number, factor: number): string {
    const dims = [this.channels(x), channels, factor, factor];
    const inputs = this.#weights(x, dims, this.channels(x), channels);
    return this.#add(
      "ConvTranspose",
      inputs,
      { channels, power: 1 },
      {
        kernel_shape: [factor, factor],
        strides: [factor, factor],
      },
    );
  }

  /** A fully connected layer on [N, features]. */
  linear(x: string, features: number, inputs = this.channels(x)): string {
    const operands = this.#weights(x, [features, inputs], inputs, features);
    return this.#add("Gemm", operands, { channels: features, power: 1 }, { transB: 1 });
  }

  /** With the statistics of its input, give or take a tenth: as training leaves them. */
  batchNorm(x: string, epsilon = 1e-5): string {
    const { channels, power } = this.#values.get(x)!;
    const near = (part: string, mean: number, deviation: number) => {
      const data = this.#draw(channels, deviation)().map((v) => v + mean);
      return this.#constant(part, new Tensor("float32", data, [channels]));
    };
    const scale = near("scale", 1, 0.1);
    const shift = near("shift", 0, 0.1);
    const mean = near("mean", 0, 0.1 * Math.sqrt(power));
    const variance = near("variance", power, 0.1 * power);
    const inputs = [x, scale, shift, mean, variance];
    return this.#add("BatchNormalization", inputs, { channels, power: 1 }, { epsilon });
  }

  /** `gain`: what it does to the mean square; half of it passes where the mean of `x` is 0. */
  relu(x: string, gain = 0.5): string {
    return this.#pointwise("Relu", x, gain);
  }

  relu6(x: string): string {
    return this.#pointwise("Clip", x, 0.5, { min: 0, max: 6 });
  }

  hardSwish(x: string): string {
    return this.#pointwise("HardSwish", x, 0.35);
  }

  /** x * sigmoid(x), as two nodes: so PyTorch writes it. */
  silu(x: string): string {
    return this.mul(x, this.sigmoid(x), 0.4);
  }

  tanh(x: string): string {
    return this.#pointwise("Tanh", x, 0.4);
  }

  sigmoid(x: string): string {
    return this.#pointwise("Sigmoid", x, 0.35);
  }

  /** As in MobileNetV3: max(0, min(1, x / 6 + 0.5)). */
  hardSigmoid(x: string): string {
    return this.#pointwise("HardSigmoid", x, 0.3, { alpha: 1 / 6, beta: 0.5 });
  }

  add(a: string, b: string): string {
    const { channels, power } = this.#values.get(a)!;
    return this.#add("Add", [a, b], { channels, power: power + this.#values.get(b)!.power });
  }

  /** `gain`: what the product does to the mean square of `a`. */
  mul(a: string, b: string, gain = this.#values.get(b)!.power): string {
    const { channels, power } = this.#values.get(a)!;
    return this.#add("Mul", [a, b], { channels, power: power * gain });
  }

  concat(...parts: readonly string[]): string {
    const values = parts.map((part) => this.#values.get(part)!);
    const channels = values.reduce((sum, v) => sum + v.channels, 0);
    const power = values.reduce((sum, v) => sum + v.channels * v.power, 0) / channels;
    return this.#add("Concat", parts, { channels, power }, { axis: 1 });
  }

  maxPool(x: string, options: PoolOptions): string {
    const { channels, power } = this.#values.get(x)!;
    const value = { channels, power: options.kernel * power };
    return this.#add("MaxPool", [x], value, poolAttributes(options));
  }

  averagePool(x: string, options: PoolOptions): string {
    const { channels, power } = this.#values.get(x)!;
    return this.#add("AveragePool", [x], { channels, power: 0.8 * power }, poolAttributes(options));
  }

  /** [N, C, H, W] -> [N, C, 1, 1]. */
  globalAveragePool(x: string): string {
    return this.#pointwise("GlobalAveragePool", x, 0.5);
  }

  flatten(x: string): string {
    return this.#pointwise("Flatten", x, 1, { axis: 1 });
  }

  /** Channels become pixels, as PyTorch's PixelShuffle orders them. */
  depthToSpace(x: string, factor: number): string {
    const { channels, power } = this.#values.get(x)!;
    const value = { channels: channels / factor ** 2, power };
    return this.#add("DepthToSpace", [x], value, { blocksize: factor, mode: "CRD" });
  }

  /** The graph with `result`, of the given dims, as its output "y". */
  finish(result: string, dims: readonly Dim[]): Graph {
    const nodes = this.#nodes.map((node) =>
      node.outputs[0] === result ? { ...node, outputs: ["y"] } : node,
    );
    return {
      name: this.#name,
      inputs: this.#inputs,
      outputs: [{ name: "y", dtype: "float32", dims }],
      nodes,
      constants: this.#constants,
    };
  }

  /** The inputs of a layer: its data, weights of `dims`, and biases where there are any. */
  #weights(x: string, dims: Shape, fanIn: number, biases: number): string[] {
    const deviation = Math.sqrt(1 / (fanIn * this.#values.get(x)!.power));
    const weights = this.#draw(sizeOf(dims), deviation);
    const inputs = [x, this.#constant("weight", new Tensor("float32", weights, dims))];
    if (biases === 0) return inputs;
    const bias = this.#draw(biases, 0.1);
    return [...inputs, this.#constant("bias", new Tensor("float32", bias, [biases]))];
  }

  /** Adds a constant of the node that comes next. */
  #constant(part: string, tensor: Tensor): string {
    const name = `${this.#nodes.length}.${part}`;
    this.#constants.set(name, tensor);
    return name;
  }

  #pointwise(op: string, x: string, gain: number, attributes: Attributes = {}): string {
    const { channels, power } = this.#values.get(x)!;
    return this.#add(op, [x], { channels, power: power * gain }, attributes);
  }

  #add(op: string, inputs: readonly string[], value: Value, attributes: Attributes = {}): string {
    const name = `${op}_${this.#nodes.length}`;
    this.#nodes.push({ name, op, inputs, outputs: [name], attributes });
    this.#values.set(name, value);
    return name;
  }
}

function poolAttributes({ kernel, stride, padding = 0, ceil = false }: PoolOptions): Attributes {
  return {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
    ceil_mode: ceil ? 1 : 0,
  };
}
