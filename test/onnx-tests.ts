import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { RekindleError } from "../src/errors.ts";
import type { Graph } from "../src/graph/index.ts";
import { type DecodedModel, decodeModel } from "../src/onnx/decode.ts";
import { readOnnx } from "../src/onnx/index.ts";
import { ModelProtoSchema, type NodeProto, TensorProtoSchema } from "../src/onnx/onnx_pb.ts";
import { readTensor } from "../src/onnx/tensors.ts";
import { ops } from "../src/ops/index.ts";
import type { Tensor } from "../src/tensor/index.ts";

// ONNX's backend tests: folders of a model with inputs and the outputs that ONNX expects.
// https://github.com/onnx/onnx/blob/main/docs/OnnxBackendTest.md

const dataFolder = process.env.REKINDLE_ONNX_TESTDATA ?? "/usr/share/libonnx-testdata/data";
const kinds = ["node", "simple", "pytorch-operator", "pytorch-converted"];

/** One of ONNX's tests. */
export interface OnnxTest {
  /** "node/test_relu". */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Why we do not run it at all, if so. */
  readonly leftOut?: string;
  /** Why it is expected to fail, if so. */
  readonly excluded?: string;
}

/** Tests that fail although we have their operators, each with the reason. */
const exclusions: readonly [RegExp, string][] = [
  [/test_training_|_training_mode$/, "training mode"],
  [/test_dropout_default_mask/, "Dropout's mask serves training only"],
  [/_STRING/, "tensors of strings"],
  [/BFLOAT16/, "the expected bfloat16 are stored as uint16"],
  [/test_identity_(opt|sequence)/, "values that are no tensors"],
  [/test_maxpool_with_argmax/, "MaxPool's second output"],
  [/tf_half_pixel_for_nn/, "a mode of Resize that opset 13 dropped"],
  // Where PyTorch and ONNX Runtime, as we do, take the size that the output really has.
  [/downsample_scales_(cubic|linear)_align_corners/, "ONNX takes a fraction for the output's size"],
];

/** Every test that the machine has; throws where there is none. */
function onnxTests(): OnnxTest[] {
  const folders = kinds.filter((kind) => existsSync(join(dataFolder, kind)));
  if (folders.length === 0) throw new Error("no ONNX test data: run npm test, which installs them");
  return folders.flatMap((kind) =>
    readdirSync(join(dataFolder, kind)).map((test) => {
      const file = readFileSync(join(dataFolder, kind, test, "model.onnx"));
      const model = raiseOpset(decodeModel(file));
      const leftOut = reasonToLeaveOut(model);
      const excluded = exclusions.find(([pattern]) => pattern.test(test))?.[1];
      return {
        name: `${kind}/${test}`,
        bytes: toBinary(ModelProtoSchema, model),
        ...(leftOut !== undefined && { leftOut }),
        ...(excluded !== undefined && { excluded }),
      };
    }),
  );
}

/** Operators that the importer replaces by others, with the opsets that changed them. */
const replaced = new Map([
  ["Constant", [1, 9, 11, 12, 13]],
  ["Upsample", [1, 7, 9]],
]);

/** The least opset that Rekindle reads. */
const opsetMin = 7;

/**
 * The model, its opset raised to 7 where none of its operators changed in between: half of the
 * tests were written for an older one.
 */
function raiseOpset(model: DecodedModel): DecodedModel {
  const opset = model.opsetImport.find(({ domain }) => domain === "");
  const sameForm = ({ opType }: NodeProto) => {
    const changes = ops.get(opType)?.opsets ?? replaced.get(opType) ?? [];
    return !changes.some((version) => version > Number(opset?.version) && version <= opsetMin);
  };
  if (opset && opset.version < opsetMin && model.graph.node.every(sameForm)) {
    opset.version = BigInt(opsetMin);
  }
  return model;
}

function reasonToLeaveOut({ graph, functions, opsetImport }: DecodedModel): string | undefined {
  const local = new Set(functions.map((f) => f.name));
  const foreign = [...graph.node, ...functions.flatMap((f) => f.node)]
    .map((node) => (node.domain === "" ? node.opType : `${node.domain}.${node.opType}`))
    .filter((name) => !ops.has(name) && !replaced.has(name) && !local.has(name))
    .sort();
  if (foreign.length > 0) return `uses ${[...new Set(foreign)].join(", ")}`;
  const old = opsetImport.some(({ domain, version }) => domain === "" && version < opsetMin);
  return old ? `written in a form that opset ${opsetMin} changed` : undefined;
}

/** Declares a test for each of ONNX's that `run` should pass, and counts those left out. */
export function conformanceTests(run: (onnxTest: OnnxTest) => Promise<void>): void {
  const all = onnxTests();
  for (const onnxTest of all.filter((t) => t.leftOut === undefined)) {
    const { name, excluded } = onnxTest;
    if (excluded === undefined) test(name, () => run(onnxTest));
    else test.fails(`${name} (${excluded})`, () => run(onnxTest));
  }
  test("most of ONNX's tests are run", () => {
    const counts = new Map<string, number>();
    for (const { leftOut } of all) if (leftOut) counts.set(leftOut, (counts.get(leftOut) ?? 0) + 1);
    const rows = [...counts].sort(([, a], [, b]) => b - a).map(([why, n]) => `  ${n} ${why}`);
    const total = rows.length === 0 ? 0 : [...counts.values()].reduce((a, b) => a + b);
    console.log(`${total} of ${all.length} are left out:\n${rows.join("\n")}`);
    expect(total).toBeLessThan(all.length / 2);
  });
}

/** Inputs and expected outputs of a test, in the model's order. */
export interface DataSet {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

export function dataSetsOf(test: OnnxTest): DataSet[] {
  const folder = join(dataFolder, test.name);
  const sets = readdirSync(folder).filter((name) => name.startsWith("test_data_set_"));
  return sets.map((set) => ({
    inputs: readTensors(join(folder, set), "input"),
    outputs: readTensors(join(folder, set), "output"),
  }));
}

function readTensors(folder: string, kind: string): Tensor[] {
  const tensors: Tensor[] = [];
  for (let i = 0; existsSync(join(folder, `${kind}_${i}.pb`)); i++) {
    const bytes = readFileSync(join(folder, `${kind}_${i}.pb`));
    tensors.push(readTensor(fromBinary(TensorProtoSchema, bytes)));
  }
  return tensors;
}

/**
 * The test's graph with ever more of its inputs made constants: none, all but the first, all.
 * ONNX feeds shapes and axes at run time, which networks know when they are exported.
 */
export async function variantsOf(test: OnnxTest, inputs: readonly Tensor[]): Promise<Graph[]> {
  const graph = await readOnnx(test.bytes, { supported: ops });
  const firsts = [...new Set([graph.inputs.length, Math.min(1, graph.inputs.length), 0])];
  return firsts.map((first) => freeze(graph, inputs, first));
}

function freeze(graph: Graph, values: readonly Tensor[], first: number): Graph {
  const constants = new Map(graph.constants);
  graph.inputs.forEach(({ name }, i) => {
    if (i >= first) constants.set(name, values[i]!);
  });
  return { ...graph, inputs: graph.inputs.slice(0, first), constants };
}

/** What `run` gives for the first variant that it accepts; the last variant's error otherwise. */
export async function firstAccepted<T>(
  variants: readonly Graph[],
  run: (graph: Graph) => T | Promise<T>,
): Promise<T> {
  let error: unknown;
  for (const graph of variants) {
    try {
      return await run(graph);
    } catch (thrown) {
      if (!(thrown instanceof RekindleError)) throw thrown;
      error = thrown;
    }
  }
  throw error;
}
