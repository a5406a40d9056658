import type { Graph } from "../graph/index.ts";
import { type OpenDevice, Session } from "../session/index.ts";
import { newArray, sizeOf, Tensor } from "../tensor/index.ts";
import type { DescribedGraph, PlacedTensor, RequestOf } from "./messages.ts";
import { SharedMemory } from "./shared-memory.ts";

/** Tensors begin at multiples of this, so that each can be seen as an array of its type. */
const alignment = 64;

/** What a run gave: where its outputs lie, and what the session took for it. */
export interface RunReply {
  readonly outputs: readonly PlacedTensor[];
  /** Milliseconds of `session.run`: all that is above that is the bridge's. */
  readonly sessionMs: number;
  /** Milliseconds of reading inputs from shared memory and writing outputs to it. */
  readonly copyMs: number;
}

/** A session whose inputs and outputs travel through shared memory. One run at a time. */
export class HostedModel {
  private readonly session: Session;
  private readonly memory: SharedMemory;
  /** The last inputs, whose arrays serve again while the shapes stay. */
  private inputs = new Map<string, Tensor>();

  private constructor(session: Session, memory: SharedMemory) {
    this.session = session;
    this.memory = memory;
  }

  /** Throws what `Session.on` throws, and "bridge" where there is no such shared memory. */
  static async load(device: OpenDevice, request: RequestOf<"load">): Promise<HostedModel> {
    const { source, precision } = request;
    const memory = new SharedMemory(request.memory);
    try {
      const model = "path" in source ? source.path : graphOf(source.graph);
      const session = await Session.on(device, model, { precision }, { keepOpen: true });
      return new HostedModel(session, memory);
    } catch (error) {
      memory.close();
      throw error;
    }
  }

  /** What the other side is told of the model. */
  describe() {
    const { inputs, outputs, device, precision } = this.session;
    return { inputs, outputs, device, precision };
  }

  async run({ inputs, outputsAt }: RequestOf<"run">): Promise<RunReply> {
    const begin = performance.now();
    const feeds = inputs.map((placed) => [placed.name, this.read(placed)] as const);
    this.inputs = new Map(feeds);
    const start = performance.now();
    const results = await this.session.run(Object.fromEntries(feeds));
    const sessionMs = performance.now() - start;
    let at = outputsAt;
    const outputs = Object.entries(results).map(([name, { dtype, dims, data }]): PlacedTensor => {
      const placed = { name, dtype, dims: [...dims], at };
      this.memory.write(data, at);
      at += Math.ceil(data.byteLength / alignment) * alignment;
      return placed;
    });
    return { outputs, sessionMs, copyMs: performance.now() - begin - sessionMs };
  }

  async dispose(): Promise<void> {
    await this.session.dispose();
    this.memory.close();
  }

  private read({ name, dtype, dims, at }: PlacedTensor): Tensor {
    const known = this.inputs.get(name);
    const serves = known?.dtype === dtype && known.size === sizeOf(dims);
    const data = serves ? known.data : newArray(dtype, sizeOf(dims));
    this.memory.read(data, at);
    return new Tensor(dtype, data, dims);
  }
}

function graphOf({ inputs, outputs, nodes }: DescribedGraph): Graph {
  return {
    name: "bridge",
    inputs,
    outputs: outputs.map((name) => ({ name })),
    nodes: nodes.map((node, i) => ({ ...node, name: `${node.op} ${i}` })),
    constants: new Map(),
  };
}
