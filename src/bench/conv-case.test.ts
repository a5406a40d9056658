import { expect, test } from "vitest";
import { evaluateNode } from "../ops/evaluate.ts";
import { Tensor } from "../tensor/index.ts";
import { checkConv, convCase } from "./conv-case.ts";
import { parseLayer } from "./conv-layer.ts";

function reference(conv: ReturnType<typeof convCase>): Tensor {
  const { attributes } = conv.problem;
  const given = Object.entries(attributes).filter(([, value]) => value !== null);
  const node = {
    name: "conv",
    op: "Conv",
    inputs: ["x", "w", "b"],
    outputs: ["y"],
    attributes: Object.fromEntries(given) as Record<string, number | string>,
  };
  return evaluateNode(node, conv.inputs, conv.outputs, () => expect.unreachable())[0]!;
}

test("a right result passes, one wrong element shows", () => {
  const conv = convCase(parseLayer("c4-5x6-k8-3x3-s2")!, 2, "float32");
  const right = reference(conv);
  expect(checkConv(conv, right)).toMatchObject({ elements: right.size, elementsTotal: right.size });
  expect(checkConv(conv, right).relativeL2).toBeLessThan(1e-7);
  const data = right.data.slice() as Float32Array;
  data[17]! += 1;
  const wrong = new Tensor("float32", data, right.dims);
  expect(checkConv(conv, wrong).relativeL2).toBeGreaterThan(1e-3);
  data[17] = Number.NaN;
  expect(checkConv(conv, wrong).relativeL2).toBeNaN();
});

test("of a large result some elements are compared, the first and the last among them", () => {
  const conv = convCase(parseLayer("c64-96x96-k64-3x3")!, 1, "float32");
  const zeros = new Float32Array(96 * 96 * 64);
  const { elements, elementsTotal, relativeL2 } = checkConv(
    conv,
    new Tensor("float32", zeros, conv.outputs[0]!.dims),
  );
  expect(elementsTotal).toBe(zeros.length);
  expect(elements).toBeLessThan(zeros.length / 2);
  expect(elements).toBeGreaterThan(1000);
  expect(relativeL2).toBe(1);
  for (const at of [0, zeros.length - 1]) {
    const data = zeros.slice();
    data[at] = Number.NaN;
    const result = new Tensor("float32", data, conv.outputs[0]!.dims);
    expect(checkConv(conv, result).relativeL2).toBeNaN();
  }
});
