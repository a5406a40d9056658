import { describe } from "vitest";
import { evaluateGraph, resolve } from "../src/passes/index.ts";
import type { Tensor } from "../src/tensor/index.ts";
import { expectClose } from "./cases.ts";
import { conformanceTests, dataSetsOf, firstAccepted, variantsOf } from "./onnx-tests.ts";

describe("references", () => {
  conformanceTests(async (onnxTest) => {
    for (const { inputs, outputs } of dataSetsOf(onnxTest)) {
      const variants = await variantsOf(onnxTest, inputs);
      const results = await firstAccepted(variants, (graph) => {
        const named = graph.inputs.map(({ name }, i) => [name, inputs[i]!] as const);
        const typed = resolve(graph, new Map(named.map(([name, t]) => [name, t.dims])));
        return evaluateGraph(typed, new Map<string, Tensor>(named));
      });
      // ONNX itself allows 1e-3: some models hold pi as 3.1415.
      outputs.forEach((expected, i) => {
        expectClose(
          [...results.values()][i]!,
          expected,
          expected.dtype === "float16" ? 1e-3 : 1e-4,
        );
      });
    }
  });
});
