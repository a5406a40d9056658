import { expect, test } from "vitest";
import { GraphBuilder } from "../../test/graphs.ts";
import { RekindleError } from "../errors.ts";
import { checkKernels } from "./support.ts";

test("what no kernel can run is reported all at once, with reasons and what to do", () => {
  const b = new GraphBuilder();
  const sum = b.op("Add", [b.input("x", [2], "int64"), b.ints(1, 2)]);
  const flags = b.op("Not", [b.input("flag", [2], "bool")]);
  const graph = b.typed(sum, flags, b.op("Relu", [b.input("y", [3])]));
  let error: unknown;
  try {
    checkKernels(graph);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(RekindleError);
  const { code, message } = error as RekindleError;
  expect(code).toBe("model-unsupported");
  expect(message).toMatch(/Add: .+ \(node "Add\d"\)/);
  expect(message).toContain('so that "x" (int64, known at run time only)');
  expect(message).toMatch(/Not: .+ \(node "Not\d"\)/);
  expect(message).not.toContain("Relu");
});

test("a graph of floats passes, views included", () => {
  const b = new GraphBuilder();
  const x = b.op("Flatten", [b.op("Relu", [b.input("x", [2, 3, 4])])]);
  expect(() => checkKernels(b.typed(x))).not.toThrow();
});
