import { RekindleError } from "../errors.ts";
import type { Graph } from "../graph/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { canonicalize, type RawGraph } from "./canonicalize.ts";
import { type DecodedModel, decodeModel } from "./decode.ts";
import { fetchExternal, type ReadExternal } from "./external.ts";
import { flattenNodes } from "./flatten.ts";
import { Names } from "./names.ts";
import { orderNodes } from "./order.ts";
import { readTensor } from "./tensors.ts";
import { type Unsupported, unsupportedError, unsupportedNodes } from "./unsupported.ts";
import { declaredDimNames, declaredRank, readInput, readOutput } from "./values.ts";

export interface ReadOptions {
  /** Reads data that the model keeps in other files; without it such models are an error. */
  readonly readExternal?: ReadExternal;
  /** The operators that can be run: a model with others is an error that names them all. */
  readonly supported?: { has(op: string): boolean };
}

/**
 * Reads an ONNX model of opset 7 or newer into a graph, in the canonical form of operators that
 * docs/architecture.md describes. Touches no file. The tensors may share the memory of `bytes`.
 *
 * Throws "file-invalid" when the bytes are no ONNX model, "model-invalid" when it contradicts
 * itself, and "model-unsupported" with everything in it that Rekindle cannot run.
 *
 * @example
 * const graph = await readOnnx(bytes, { supported: ops });
 * graph.inputs[0]; // { name: "x", dtype: "float32", dims: ["N", 3, 224, 224] }
 */
export async function readOnnx(bytes: Uint8Array, options: ReadOptions = {}): Promise<Graph> {
  const model = decodeModel(bytes);
  await fetchExternal(model, options.readExternal);
  const problems: Unsupported[] = [];
  const graph = canonicalize(rawGraph(model, problems), problems);
  if (options.supported) problems.push(...unsupportedNodes(graph, options.supported));
  if (problems.length > 0) throw unsupportedError(problems);
  return graph;
}

function rawGraph(model: DecodedModel, problems: Unsupported[]): RawGraph {
  const { graph } = model;
  const noting = <T>(op: string, name: string, read: () => T): T[] => {
    try {
      return [read()];
    } catch (error) {
      if (!(error instanceof RekindleError) || error.code !== "model-unsupported") throw error;
      const { message: reason, fix } = error;
      problems.push({ op, node: name, reason, ...(fix && { fix }) });
      return [];
    }
  };
  const initialized = graph.initializer.map((tensor) => tensor.name);
  const constants = new Map<string, Tensor>();
  for (const proto of graph.initializer) {
    for (const t of noting("initializer", proto.name, () => readTensor(proto))) {
      constants.set(proto.name, t);
    }
  }
  for (const { values } of graph.sparseInitializer) {
    problems.push({ op: "initializer", node: values?.name ?? "", reason: "it is sparse" });
  }
  // Before IR version 4, initializers were listed as inputs too.
  const constantNames = new Set(initialized);
  const inputProtos = graph.input.filter((input) => !constantNames.has(input.name));
  const dimNames = new Names(declaredDimNames([...inputProtos, ...graph.output]));
  const inputs = inputProtos.flatMap((p) => noting("input", p.name, () => readInput(p, dimNames)));
  const outputs = graph.output.map((proto) => readOutput(proto, dimNames));
  if (outputs.length === 0) throw new RekindleError("model-invalid", "the model has no outputs");
  const sparse = graph.sparseInitializer.flatMap(({ values }) => values?.name ?? []);
  const given = [...inputProtos.map((input) => input.name), ...initialized, ...sparse];
  const nodes = orderNodes(
    flattenNodes(model),
    given,
    outputs.map((output) => output.name),
  );
  return { name: graph.name || "model", inputs, outputs, constants, nodes, ranks: ranksOf(model) };
}

function ranksOf({ graph }: DecodedModel): Map<string, number> {
  const ranks = new Map<string, number>();
  for (const proto of [...graph.valueInfo, ...graph.input, ...graph.output]) {
    const rank = declaredRank(proto);
    if (rank !== undefined) ranks.set(proto.name, rank);
  }
  return ranks;
}
