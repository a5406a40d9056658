import { seededNumbers } from "../bench/random.ts";
import type { ProgramData } from "../gpu/index.ts";
import { evaluateNode, evaluateNodeAt, opOf } from "../ops/evaluate.ts";
import type { NodeProblem } from "../session/plan.ts";
import { estimateWork } from "../session/work.ts";
import { sizeOf, type Tensor } from "../tensor/index.ts";

/** What the reference says of one output: its elements at `indices`, or all of them. */
export interface Expected {
  readonly indices?: Uint32Array;
  readonly values: Float64Array;
}

/** Operations of an output that is computed whole, and those of the samples of a larger one. */
const wholeMax = 1e7;
const sampledMax = 5e7;

const samplesMax = 4096;
const samplesMin = 256;

/** Outputs above this are compared in samples, or not at all. */
const elementsMax = 2 ** 25;

/**
 * What a node computes from `data`, by its operator's reference in float64: whole outputs where
 * that is quick, otherwise elements all over the first output.
 * Or one sentence of reason where a wrong result could not be told from a right one.
 */
export function expectedOf(problem: NodeProblem, data: ProgramData): Expected[] | string {
  const expected = referenceOf(problem, data);
  if (typeof expected === "string") return expected;
  const dull = expected.find(
    ({ values }) => values.length > 1 && values.every((v) => v === values[0]),
  );
  if (!dull) return expected;
  return `all elements of its result are ${dull.values[0]}, so that a wrong one could look right`;
}

function referenceOf({ node, problem }: NodeProblem, data: ProgramData): Expected[] | string {
  const work = estimateWork(problem);
  const elements = sizeOf(problem.outputs[0]!.dims);
  const operand = operandsOf({ node, problem }, data.operands);
  if (work > wholeMax && problem.outputs.length === 1 && opOf(node).referenceAt) {
    const count = Math.max(samplesMin, Math.floor(sampledMax / (work / elements)));
    const indices = chosenIndices(elements, Math.min(samplesMax, count));
    const values = evaluateNodeAt(node, data.inputs, problem.outputs, operand, indices)!;
    return [{ indices, values }];
  }
  const largest = Math.max(
    ...[...problem.inputs, ...problem.outputs].map((t) => (t ? sizeOf(t.dims) : 0)),
  );
  if (largest > elementsMax) {
    return `${largest} elements are too many for its reference, which takes ${elementsMax}`;
  }
  // In float64: rounding to float16 is part of what is judged.
  const exact = problem.outputs.map(({ dims }) => ({ dtype: "float64" as const, dims }));
  return evaluateNode(node, data.inputs, exact, operand).map((t) => ({ values: t.toNumbers() }));
}

/** The epilogue's operands by the names that the node gives them. */
function operandsOf({ node }: Pick<NodeProblem, "node" | "problem">, operands: readonly Tensor[]) {
  const names = (node.epilogue ?? []).flatMap(({ operand }) => operand ?? []);
  return (name: string): Tensor => operands[names.indexOf(name)]!;
}

/** The corners of the output in memory, and others that a seed draws; each once, in order. */
function chosenIndices(total: number, count: number): Uint32Array {
  if (count >= total) return Uint32Array.from({ length: total }, (_, i) => i);
  const chosen = new Set([0, total - 1]);
  const next = seededNumbers(1);
  while (chosen.size < count) chosen.add(Math.floor(next() * total));
  return Uint32Array.from(chosen).sort();
}
