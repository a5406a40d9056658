import type { TensorType } from "../graph/index.ts";
import type { Binding, Dispatch, Problem, Program } from "../kernels/kernel.ts";
import { bytesPerElement, sizeOf } from "../tensor/index.ts";

/** Bytes by where they come from or go to. */
export interface Traffic {
  readonly memory: number;
  readonly cached: number;
}

/** How much of a network finds room in a GPU's last cache. */
export interface CacheUse {
  /** Values up to this size are still in the cache when the next layer reads them. */
  readonly valueBytesMax: number;
  /** All weights stay in the cache between runs. */
  readonly keepsWeights: boolean;
}

const bytesOf = (type: TensorType | undefined): number =>
  type ? sizeOf(type.dims) * bytesPerElement(type.dtype) : 0;

/** Everything that a layer must read and write once. */
export function trafficOfProblem(problem: Problem, use: CacheUse): Traffic {
  const weights = problem.constants.map((tensor) => (tensor ? bytesOf(tensor) : 0));
  const values = [
    ...problem.inputs.filter((_, i) => !problem.constants[i]),
    ...problem.outputs,
    ...problem.epilogue.map(({ operand }) => operand),
  ];
  return total([
    ...weights.map((bytes) => ofWeights(bytes, use)),
    ...values.map((type) => ofValue(bytesOf(type), use)),
  ]);
}

/**
 * What one dispatch of a program binds, each buffer once. Dispatches of one label share out the
 * layer's inputs and outputs among them (Winograd's chunks); each uses all of the scratch memory.
 */
export function trafficOfDispatch(
  dispatch: Dispatch,
  program: Program,
  problem: Problem,
  use: CacheUse,
): Traffic {
  const alike = program.dispatches.filter(({ label }) => label === dispatch.label).length;
  const operands = problem.epilogue.flatMap(({ operand }) => operand ?? []);
  const traffic = (b: Binding): Traffic => {
    switch (b.kind) {
      case "params":
        return { memory: 0, cached: 0 };
      case "packed":
        return ofWeights(program.packed![b.index]!.bytes, use);
      case "scratch":
        return ofValue(program.scratch![b.index]!, use);
      case "output":
        return part(ofValue(bytesOf(problem.outputs[b.index]), use), alike);
      case "operand":
        return part(ofValue(bytesOf(operands[b.index]), use), alike);
      case "input": {
        const bytes = bytesOf(problem.inputs[b.index]);
        if (problem.constants[b.index]) return ofWeights(bytes, use);
        return part(ofValue(bytes, use), alike);
      }
    }
  };
  return total(dispatch.bindings.map(traffic));
}

const ofWeights = (bytes: number, { keepsWeights }: CacheUse): Traffic =>
  keepsWeights ? { memory: 0, cached: bytes } : { memory: bytes, cached: 0 };

const ofValue = (bytes: number, { valueBytesMax }: CacheUse): Traffic =>
  bytes <= valueBytesMax ? { memory: 0, cached: bytes } : { memory: bytes, cached: 0 };

const part = ({ memory, cached }: Traffic, count: number): Traffic => ({
  memory: memory / count,
  cached: cached / count,
});

function total(all: readonly Traffic[]): Traffic {
  return {
    memory: all.reduce((sum, t) => sum + t.memory, 0),
    cached: all.reduce((sum, t) => sum + t.cached, 0),
  };
}
